"""``tiderace learn``: calibrate, fit policies, and watch oneself."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
import polars as pl
import typer

from tiderace import _core, _run, data
from tiderace._learn import sessions
from tiderace._learn.fills import fit_fills, imagined, posted
from tiderace._learn.impact import fit_impact
from tiderace._learn.intervals import Estimate
from tiderace._learn.latency import venue_latency
from tiderace._learn.observer import observe
from tiderace._learn.policy import Policy, baseline, described, train
from tiderace._learn.volume import BUCKETS_MAX, TOTAL, volume_buckets, volume_curve
from tiderace._values import duration_ns
from tiderace.errors import InputError

_Answer = Callable[[Mapping[str, Any], bool, Callable[[], str]], None]
_Run = Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, below out/.")]
_Config = Annotated[str, typer.Argument(metavar="CONFIG.toml", help="An order on our own venue.")]
_Recording = Annotated[
    str, typer.Argument(metavar="RECORDING", help="A name below the data folder, or a path.")
]
_Instrument = Annotated[
    str | None, typer.Option("--instrument", metavar="VENUE:SYMBOL", help="Which; the first.")
]
_Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="Folder that holds recordings [TIDERACE_DATA]."),
]
_Sessions = Annotated[int, typer.Option("--seeds", min=2, help="Sessions, one a seed.")]
_Seed = Annotated[int, typer.Option("--seed", min=0, help="First seed, and of every draw.")]
_Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def add(app: typer.Typer, answer: _Answer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(
        help="Calibration from fills and recordings; policies; who can see us.",
        no_args_is_help=True,
        epilog="Example: tiderace learn observer out/one out/two --json",
    )
    app.add_typer(group, name="learn")
    _add_calibrations(group, answer)
    _add_policies(group, answer)


def _add_calibrations(group: typer.Typer, answer: _Answer) -> None:
    @group.command("volume", epilog="Example: tiderace learn volume btc.parquet --buckets 24")
    def volume(
        recording: _Recording,
        instrument: _Instrument = None,
        data_dir: _Data = None,
        buckets: Annotated[int, typer.Option("--buckets", min=1, max=BUCKETS_MAX)] = 96,
        span: Annotated[str, typer.Option("--span", help="What is cut, e.g. 24h.")] = "24h",
        total: Annotated[int, typer.Option("--total", min=1, help="What it sums to.")] = TOTAL,
        seed: _Seed = 0,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Fit when a market trades: the parameter ``curve`` of the algorithm ``vwap``."""
        del debug
        found, row = _opened(recording, instrument, data_dir)
        trades = pl.DataFrame(_core.trades(found.tape)).filter(pl.col("instrument") == row)
        times, sizes = trades["ts_event_ns"].to_numpy(), trades["qty_e8"].to_numpy() / 1e8
        cut = volume_buckets(times, sizes, buckets=buckets, span_ns=duration_ns(span, key="--span"))
        curve = volume_curve(cut, total=total, trade_sizes=sizes, seed=seed)
        _say(answer, msgspec.to_builtins(curve), as_json)

    @group.command("fills", epilog="Example: tiderace learn fills out/one out/two")
    def fills(
        run: _Run,
        data_dir: _Data = None,
        within: Annotated[float, typer.Option("--within", help="Seconds.")] = 1.0,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Fit how likely posted orders are filled, from those that runs posted."""
        del debug
        model = fit_fills(posted(_replayed(run, data_dir)))
        _say(answer, _fill_words(model, within), as_json)

    @group.command(
        "queue", epilog="Example: tiderace learn queue binance_btc_3books_raw_ws --watch 10"
    )
    def queue(
        recording: _Recording,
        instrument: _Instrument = None,
        data_dir: _Data = None,
        every: Annotated[float, typer.Option("--every", help="Post so often, seconds.")] = 1.0,
        watch: Annotated[float, typer.Option("--watch", help="For so long, seconds.")] = 10.0,
        distance: Annotated[
            list[int] | None, typer.Option("--distance", help="Ticks behind the best.")
        ] = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Fit how likely orders would have been filled that are posted in thought on a tape."""
        del debug
        found, row = _opened(recording, instrument, data_dir)
        seen = imagined(
            found.tape,
            instrument=row,
            instruments=len(found.names),
            every_s=every,
            horizon_s=watch,
            distances=distance or (0, 1, 2, 4, 8),
        )
        _say(answer, _fill_words(fit_fills(seen), watch), as_json)

    @group.command("latency", epilog="Example: tiderace learn latency out/one --json")
    def latency(
        run: _Run,
        data_dir: _Data = None,
        seed: _Seed = 0,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Measure how long each venue took to answer orders."""
        del debug
        found = venue_latency(_replayed(run, data_dir), seed=seed)
        words = {
            name: {
                **{f"p{level * 100:g}": one._asdict() for level, one in each.quantiles.items()},
                "least_ns": each.least_ns,
                "most_ns": each.most_ns,
                "answered": each.answered,
                "unanswered": each.unanswered,
            }
            for name, each in found.items()
        }
        _say(answer, words, as_json)

    @group.command(
        "impact",
        epilog="Example: tiderace learn impact examples/twap_three_books.toml --seeds 40",
    )
    def impact(
        config: _Config,
        seeds: _Sessions = 40,
        size: Annotated[
            list[str] | None, typer.Option("--size", help="Order sizes; several.")
        ] = None,
        set_: _Set = None,
        seed: _Seed = 1,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Fit the law of impact to orders of several sizes on our own venue."""
        del debug
        sizes = size or ["5", "10", "20", "40", "80"]
        rows = [
            (*sessions.order_of(run), number)
            for quantity in sizes
            for number, run in _ran(config, seeds, seed, set_, {"parent.order_qty": quantity})
        ]
        share, sigma, cost, group_of = (np.array(column) for column in zip(*rows, strict=True))
        # Sessions of one seed share their market, whatever the size.
        law = fit_impact(share, sigma, cost, groups=group_of, paired=True, seed=seed)
        _say(answer, {**law._asdict(), "mean_share": float(share.mean())}, as_json)


def _add_policies(group: typer.Typer, answer: _Answer) -> None:
    @group.command(
        "observer",
        epilog="Example: tiderace learn observer examples/twap_three_books.toml --seeds 40",
    )
    def observer(
        what: Annotated[
            list[str],
            typer.Argument(metavar="RUN...|CONFIG.toml", help="Run folders, or a config."),
        ],
        seeds: _Sessions = 40,
        piece: Annotated[float, typer.Option("--piece", help="Seconds of a piece.")] = 0.5,
        set_: _Set = None,
        seed: _Seed = 1,
        data_dir: _Data = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Measure whether somebody who watches the public feed foresees our next child."""
        del debug
        if len(what) == 1 and what[0].endswith(".toml"):
            with tempfile.TemporaryDirectory(prefix="tiderace-learn-") as folder:
                ran = [run for _, run in _ran(what[0], seeds, seed, set_, {}, folder)]
                found = observe(ran, piece_s=piece, seed=seed)
        else:
            found = observe(_replayed(what, data_dir), piece_s=piece, seed=seed)
        _say(answer, _plain(found), as_json)

    @group.command(
        "policy",
        epilog="Example: tiderace learn policy examples/twap_three_books.toml --seeds 200",
    )
    def policy(
        config: _Config,
        seeds: _Sessions = 200,
        unseen: Annotated[int, typer.Option("--unseen", min=2, help="Sessions to judge by.")] = 200,
        slices: Annotated[int, typer.Option("--slices", min=1, max=64)] = 20,
        risk: Annotated[float, typer.Option("--risk", help="kappa T of the schedule.")] = 1.0,
        guard: Annotated[float, typer.Option("--guard", help="Variance on top of it.")] = 0.2,
        margin: Annotated[float, typer.Option("--margin", help="What to save, bps.")] = 0.0,
        set_: _Set = None,
        seed: _Seed = 1,
        out: Annotated[str | None, typer.Option("--out", metavar="FILE.json")] = None,
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Learn a policy on some sessions, freeze it, and judge it on others, win or lose."""
        del debug
        start = baseline(slices=slices, risk=risk, guard=guard)
        changes, first = _overrides(set_), range(seed, seed + seeds)
        _, log = sessions.sessions(config, start, first, explore=True, overrides=changes)
        learnt = train(log, start=start, margin=margin)
        later = range(seed + seeds, seed + seeds + unseen)
        fixed = sessions.best_fixed(log)
        found = sessions.measure(
            config, learnt, fixed=fixed, seeds=later, overrides=changes, seed=seed
        )
        whole = {"policy": described(learnt), "fixed": fixed, **_plain(found)}
        if out is not None:
            whole["file"] = str(learnt.save(out))
        _say(answer, whole, as_json)

    @group.command("show", epilog="Example: tiderace learn show policy.json")
    def show(
        file: Annotated[str, typer.Argument(metavar="FILE.json", help="A frozen policy.")],
        as_json: _Json = False,
        debug: _Debug = False,
    ) -> None:
        """Check a frozen policy against its hash, and print it with its program's parameters."""
        del debug
        found = Policy.load(file)
        _say(answer, {**described(found), "params": found.params()}, as_json)


def _opened(
    recording: str, instrument: str | None, data_dir: str | None
) -> tuple[data.Recorded, int]:
    _, found, _ = data._open(recording, data_dir, None)
    if instrument is not None and instrument not in found.names:
        raise InputError(
            f"--instrument {instrument!r}",
            rule=f"The recording has {', '.join(found.names)}",
            remedy="Name one of them",
        )
    return found, 0 if instrument is None else found.names.index(instrument)


def _replayed(folders: Iterable[str], data_dir: str | None) -> list[Any]:
    return [_run.replay(folder, data=data_dir) for folder in folders]


def _ran(
    config: str,
    seeds: int,
    first: int,
    set_: list[str] | None,
    changes: Mapping[str, object],
    folder: str | None = None,
) -> Iterator[tuple[int, Any]]:
    """Run a config under seeds on our own venue; without a folder nothing is kept of it."""
    for seed in range(first, first + seeds):
        whole = {"data.recording": None, **_overrides(set_), **changes, "run.seed": seed}
        with tempfile.TemporaryDirectory(prefix="tiderace-learn-") as own:
            yield seed, _run.run(config, out=folder or own, set=whole)


def _overrides(pairs: list[str] | None) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs or []:
        key, sign, value = pair.partition("=")
        if not sign:
            raise InputError(
                f"--set {pair!r}", rule="An override is KEY=VALUE", remedy="Write it like that"
            )
        found[key.strip()] = value.strip()
    return found


def _fill_words(model: Any, within: float) -> dict[str, Any]:
    chance = {
        f"{times:g} times the usual queue": model.probability(
            ahead=times * model.unit, distance=0, within_s=min(within, model.horizon_s)
        )._asdict()
        for times in (0.0, 1.0, 4.0)
    }
    return {
        "orders": model.orders,
        "fills": model.fills,
        "queue": model.unit,
        "within_s": min(within, model.horizon_s),
        "at_the_best": chance,
        "terms": {name: one._asdict() for name, one in model.terms.items()},
    }


def _plain(found: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as JSON has it, named tuples as tables."""

    def plain(value: Any) -> Any:
        if hasattr(value, "_asdict"):
            return {name: plain(each) for name, each in value._asdict().items()}
        return value

    return {name: plain(getattr(found, name)) for name in found.__struct_fields__}


def _say(answer: _Answer, found: Mapping[str, Any], as_json: bool) -> None:
    answer(found, as_json, lambda: "\n".join(_lines(found)))


def _lines(found: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in found.items():
        if isinstance(value, Mapping) and set(value) == set(Estimate._fields):
            low, high = value["low"], value["high"]
            figure, count = value["value"], value["n"]
            yield f"{indent}{name}: {figure:,.6g} [{low:,.6g}, {high:,.6g}] n {count:,}"
        elif isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, float):
            yield f"{indent}{name}: {value:,.6g}"
        else:
            yield f"{indent}{name}: {value}"
