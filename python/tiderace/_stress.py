"""A day of crash and grids of moves over the whole house, from a TOML file; end-of-day files.

Owns the file's form and what is written; the day itself is the core's. Positions are drawn from the
seed on an option chain: one snapshot of a recording, or our own formula where there is none.
"""

import io
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Group

from tiderace import _core, _show
from tiderace._data_dir import find_data_dir
from tiderace._trade_capture import fixml, trade_captures
from tiderace._values import duration_ns
from tiderace.errors import DataError, InputError, core_errors

_TABLES = {"stress", "chain", "funds", "grid", "days"}
_FUNDS = ("capital", "insurance", "house", "mutual")
_CHAIN_KEYS = {"recording", "snapshot", "currency"}
_MONEY = pl.Decimal(38, 12)
_WHOLE = {"ts_ns", "maturity_ns", "trade_id", "seq", "cause"}
_NUMBERS = {
    *("qty", "mark", "initial", "maintenance", "realized", "total", "available", "held"),
    *("equity", "collateral", "price", "amount", "strike_price", "contract_multiplier"),
}


def load(path: str | Path) -> dict[str, Any]:
    """Read a stress file.

    Raises
    ------
    InputError
        It cannot be read, or has a table that no stress file has.
    """
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"config {str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}",
            remedy="Name a TOML file, e.g. examples/stress.toml",
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"config {str(path)!r} is not TOML: {error}", remedy="Correct that line"
        ) from None
    for name in raw:
        _known(name, _TABLES, "table")
    return raw


def core_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file's tables as the core wants them: flat, durations in nanoseconds."""
    config: dict[str, Any] = json.loads(_core.stress_defaults())
    for key, value in raw.get("stress", {}).items():
        if key == "step":
            config["step_ns"] = duration_ns(str(value), key="stress.step")
            continue
        _known(key, {*config, "step"} - {"step_ns", *_FUNDS, "grid_spot", "grid_vol", "moves"})
        config[key] = value
    for name, funds in raw.get("funds", {}).items():
        _known(name, set(_FUNDS))
        config[name] = {asset: str(amount) for asset, amount in funds.items()}
    for key, values in raw.get("grid", {}).items():
        _known(key, {"spot", "vol"})
        config[f"grid_{key}"] = [float(value) for value in values]
    if "days" in raw:
        config["moves"] = raw["days"]
    return config


def chain(raw: Mapping[str, Any], *, data: str | Path | None = None) -> dict[str, Any] | None:
    """Return the option chain of a file's ``[chain]``; ``None`` where the recording is not there.

    Raises
    ------
    InputError
        A key is unknown.
    DataError
        The recording has no such snapshot.
    """
    wanted = raw.get("chain", {})
    for key in wanted:
        _known(key, _CHAIN_KEYS)
    folder = find_data_dir(data)
    if folder is None or "recording" not in wanted:
        return None
    found = sorted((folder / wanted["recording"]).glob("*.parquet"))
    if not found:
        return None
    currency, snapshot = wanted.get("currency", "BTC"), wanted.get("snapshot", "")
    rows = pl.scan_parquet(found).filter(pl.col("currency") == currency)
    rows = rows.filter(pl.col("snapshot_id") >= snapshot)
    first = rows.select(pl.col("snapshot_id").min()).collect().item()
    if first is None:
        raise DataError(
            f"{wanted['recording']} has no snapshot of {currency} from {snapshot!r} on",
            remedy="Name one that it has, or leave it out for the first",
        )
    frame = rows.filter(pl.col("snapshot_id") == first).sort("instrument_name").collect()
    options = frame.select(
        symbol="instrument_name",
        maturity_ns=pl.col("expiry_datetime").dt.epoch("ns"),
        strike="strike",
        is_call=pl.col("option_type") == "call",
        vol="implied_volatility",
        forward="futures_price",
        open_interest="open_interest",
    ).drop_nulls()
    return {
        "source": f"{wanted['recording']} {first} {currency}",
        "ts_ns": frame.select(pl.col("timestamp").dt.epoch("ns").max()).item(),
        "index": frame["index_price"].median(),
        "options": options.to_dicts(),
    }


def run(
    raw: Mapping[str, Any],
    *,
    data: str | Path | None = None,
    files: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Let the day happen twice, staged and immediate, and stress the house as it stood before.

    Parameters
    ----------
    files
        A folder for the end-of-day files of the staged day.

    Returns
    -------
    dict
        ``staged``, ``immediate`` (days), ``grid``, ``source``, ``seed``, ``files``.
    """
    said = progress or (lambda *_: None)
    config, options = json.dumps(core_config(raw)), chain(raw, data=data)
    text = None if options is None else json.dumps(options)
    with core_errors():
        said("staged day", 0, 3)
        staged, tables = _core.stress_day(config, text, False, files is not None)
        said("immediate day", 1, 3)
        immediate, _ = _core.stress_day(config, text, True, False)
        said("grid", 2, 3)
        grid = _core.stress_grid(config, text)
    days = json.loads(staged), json.loads(immediate)
    written = [] if files is None else end_of_day(dict(tables), files)
    return {
        "source": days[0]["source"],
        "is_synthetic": options is None,
        "seed": days[0]["seed"],
        "staged": days[0],
        "immediate": days[1],
        "grid": json.loads(grid),
        "files": [str(path) for path in written],
    }


def holds(day: Mapping[str, Any]) -> bool:
    """Return whether all that must hold of a day does."""
    kept = all(total["before"] == total["after"] for total in day["totals"])
    return bool(
        kept
        and day["is_balanced"]
        and day["is_repeated"]
        and day["is_told"]
        and day["out_of_order"] == 0
    )


def summary(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the shortfall by layer of both days beside each other."""
    staged, immediate = found["staged"], found["immediate"]
    rows: list[dict[str, Any]] = [
        {"layer": a["layer"], "staged_usd": a["usd"], "immediate_usd": b["usd"]}
        for a, b in zip(staged["layers"], immediate["layers"], strict=True)
    ]
    for key in ("shortfall_usd", "taken_over_usd", "fees_usd"):
        name = key.removesuffix("_usd")
        rows.append({"layer": name, "staged_usd": staged[key], "immediate_usd": immediate[key]})
    return rows


def shown(found: Mapping[str, Any]) -> Group:
    """Lay out both days, and what two defaults would need, for a person."""
    staged, immediate, grid = found["staged"], found["immediate"], found["grid"]
    layers = [
        {
            name: f"{value:,.0f}" if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in summary(found)
    ]
    cover = [
        {
            "move": of["name"],
            "spot": f"{of['spot']:+.0%}",
            "vol": f"{of['vol']:+.0%}",
            "needed_usd": f"{of['needed_usd']:,.0f}",
            "funded_usd": f"{of['funded_usd']:,.0f}",
            "enough": "yes" if of["is_covered"] else "no",
        }
        for of in grid["cover"]
    ]
    said = (
        f"{found['source']}, seed {found['seed']}: {staged['positions']:,} positions, "
        f"{staged['accounts_below']:,} accounts below margin, {staged['accounts_failed']:,} failed"
    )
    proved = (
        f"books {_word(holds(staged) and holds(immediate))}: every asset's total unchanged, layers "
        f"in order, replay equal; state {staged['state']}"
    )
    return Group(said, _show.rows("Who paid", layers), _show.rows("Two members", cover), proved)


def _word(is_good: bool) -> str:
    return "hold" if is_good else "DO NOT HOLD"


def end_of_day(tables: Mapping[str, str], folder: str | Path) -> list[Path]:
    """Write end-of-day tables as CSV and Parquet, and the trades as FIX and FIXML reports.

    Parameters
    ----------
    tables
        CSV text by name: ``instruments positions balances margin trades postings``.

    Returns
    -------
    list of Path
        What was written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in tables.items():
        path = target / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        frame = read_table(text)
        frame.write_parquet(path.with_suffix(".parquet"))
        written += [path, path.with_suffix(".parquet")]
    if "trades" in tables:
        trades = read_table(tables["trades"]).to_dicts()
        listed = read_table(tables["instruments"]).to_dicts() if "instruments" in tables else []
        fix, xml = target / "trades.fix", target / "trades.xml"
        fix.write_text("".join(trade_captures(trades)), encoding="ascii", errors="replace")
        xml.write_text(fixml(trades, instruments=listed), encoding="utf-8")
        written += [fix, xml]
    return written


def read_table(text: str) -> pl.DataFrame:
    """Return an end-of-day table: exact decimals, whole numbers, names."""
    names = text.partition("\n")[0].split(",")
    frame = pl.read_csv(io.StringIO(text), schema=dict.fromkeys(names, pl.String))
    whole = [pl.col(name).cast(pl.Int64) for name in names if name in _WHOLE]
    money = [pl.col(name).cast(_MONEY) for name in names if name in _NUMBERS]
    return frame.with_columns(*whole, *money)


def _known(name: str, known: set[str], what: str = "key") -> None:
    if name not in known:
        raise InputError(
            f"{what} {name!r} is unknown",
            rule="A stress file has the tables stress, chain, funds, grid and days",
            remedy=f"Use one of {', '.join(sorted(known))}",
        )
