"""The config: what is accepted, and the message for what is not."""

import contextlib
import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from face import EXAMPLE, ROOT
from hypothesis import given
from hypothesis import strategies as st

import tiderace as tr
from tiderace import _algos, _genesis, config
from tiderace._values import duration_ns, scaled, unscaled
from tiderace.errors import InputError


def refused(changes: dict[str, Any]) -> InputError:
    with pytest.raises(InputError) as caught:
        config.load(EXAMPLE, set=changes)
    error = caught.value
    assert error.message
    assert error.rule
    assert error.remedy
    assert error.exit_status == 2
    return error


def test_the_example_says_what_the_issue_says() -> None:
    run = config.load(EXAMPLE)
    assert run.parent is not None
    assert (run.parent.side, run.parent.order_qty, run.parent.limit) == (
        "buy",
        Decimal(40),
        Decimal("0.003"),
    )
    fees = [(i.fees.taker, i.fees.maker) for i in run.instruments]
    bp = Decimal("0.0001")
    assert [(t / bp, m / bp) for t, m in fees] == [
        (Decimal("2.3"), Decimal("1.1")),
        (Decimal("1.7"), Decimal(0)),
        (Decimal("2.4"), Decimal("-0.9")),
    ]
    assert run.route.usd_per == {"USDT": Decimal(1)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parent.limt": "0.003"}, ["parent.limt", "Did you mean 'limit'"]),
        ({"parnt.limit": "0.003"}, ["parnt", "Did you mean 'parent'"]),
        ({"parent.limit": "0"}, ["parent.limit = '0'", "above zero"]),
        ({"parent.limit": "-0.1"}, ["parent.limit", "above zero"]),
        ({"parent.limit": 0.003}, ["parent.limit = 0.003", "float", '"0.003"']),
        ({"parent.limit": True}, ["parent.limit", "boolean", "string"]),
        ({"parent.order_qty": "0"}, ["parent.order_qty", "above zero"]),
        ({"parent.order_qty": "NaN"}, ["parent.order_qty", "NaN"]),
        ({"parent.order_qty": "40.000000001"}, ["parent.order_qty", "at most 8 digits"]),
        ({"parent.order_qty": "forty"}, ["parent.order_qty = 'forty'", "string holding a decimal"]),
        ({"parent.side": "long"}, ["parent.side = 'long'", "buy, sell"]),
        ({"parent.duration": "5 minutes"}, ["parent.duration", '"5m"']),
        ({"parent.duration": "0s"}, ["parent.duration", "'0s'"]),
        ({"parent.slices": "0"}, ["parent.slices = 0", "between 1 and"]),
        ({"parent.slices": '"30"'}, ["parent.slices = '30'", "whole number, without quotes"]),
        ({"parent.slices": "true"}, ["parent.slices = True", "a whole number"]),
        ({"parent.slcies": "3"}, ["parent.slcies has no meaning for twap", "'slices'"]),
        ({"parent.params": "{slices = 3}"}, ["parent.params has no meaning for twap", "slices"]),
        ({"parent.passive_share": 0.25}, ["parent.passive_share = 0.25", "float", '"0.25"']),
        ({"parent.passive_share": "[1]"}, ["parent.passive_share = [1]", "a decimal"]),
        ({"parent.side": None}, ["parent.side is missing", "twap"]),
        ({"parent.limit": None}, ["parent.limit is missing", "twap"]),
        ({"parent.duration": None}, ["parent.duration is missing", 'at_end = "keep"']),
        ({"parent.at_end": "stop"}, ["parent.at_end = 'stop'", "expire, take, keep"]),
        ({"parent.would_qty": "1"}, ["parent.would_qty", "without parent.would"]),
        ({"parent.would": "0"}, ["parent.would = '0'", "above zero"]),
        ({"parent.max_participation": "1.1"}, ["parent.max_participation", "between 0 and 1"]),
        ({"parent.clip_min": "1"}, ["parent.clip_min", "without parent.clip_max"]),
        ({"parent.clip_min": "2", "parent.clip_max": "1"}, ["parent.clip_min = '2'", "clip_max"]),
        ({"parent.spread_max": "-1"}, ["parent.spread_max = '-1'", "above zero"]),
        ({"parent.algo": "quote_as"}, ["parent.side has no meaning for quote_as"]),
        ({"parent.algo": "absent.py"}, ["parent.algo = 'absent.py' cannot be read"]),
        ({"parent.size_jitter": "1.5"}, ["parent.size_jitter", "between 0 and 1"]),
        ({"parent.catch_up_cap": "0.5"}, ["parent.catch_up_cap", "between 1 and 1000"]),
        ({"parent.start": "noon"}, ["parent.start", "RFC 3339"]),
        ({"parent.instruments": '["kraken:XBT"]'}, ["kraken:XBT", "Known:", "binance-spot:BTC"]),
        ({"parent.instruments": '["BTCUSDT"]'}, ["BTCUSDT", "several instruments"]),
        ({"parent.instruments": "[]"}, ["parent.instruments", "one base"]),
        ({"instruments.0.tick_size": "0"}, ["instruments[0].tick_size", "above zero"]),
        ({"instruments.0.min_order_qty": "0.000015"}, ["min_order_qty", "lots (0.00001)"]),
        ({"instruments.0.feed": "kraken"}, ["instruments[0].feed", "binance-spot"]),
        ({"instruments.2.settle": "USD"}, ["instruments[2].settle", "settles in BTC"]),
        ({"instruments.1.symbol": ""}, ["instruments[1].symbol is missing"]),
        ({"instruments.0.fees.taker": "1"}, ["fees.taker", "fraction"]),
        ({"instruments.7.fees.taker": "0"}, ["instruments.7", "does not name one row"]),
        ({"instruments.0.limits.max_position": "0"}, ["limits.max_position", "above zero"]),
        ({"balances.kraken.BTC": "1"}, ["balances.kraken", "venue"]),
        ({"balances.binance-spot.ETH": "1"}, ["balances.binance-spot.ETH", "asset"]),
        ({"balances.binance-spot.USDT": "-1"}, ["balances.binance-spot.USDT", "below zero"]),
        ({"route.usd_per.USDT": None}, ["route.usd_per.USDT is missing", "declared"]),
        ({"risk.price_collar": "0"}, ["risk.price_collar", "above zero"]),
        ({"sim.order_entry": "recorded"}, ["sim.order_entry", "Only the feed"]),
        ({"sim.queue": "fifo"}, ["sim.queue = 'fifo'", "risk_averse"]),
        ({"run.name": "../evil"}, ["run.name"]),
        ({"run.seed": "-1"}, ["run.seed", ">= 0"]),
    ],
)
def test_what_is_wrong_is_named_with_rule_and_remedy(
    changes: dict[str, Any], words: list[str]
) -> None:
    text = str(refused(changes))
    for word in words:
        assert word in text, text


def test_a_drawn_latency_is_uniform_or_lognormal() -> None:
    good = {
        "sim.feed": {"low": "1ms", "high": "2ms"},
        "sim.response": {"median": "1ms", "sigma": "0.5"},
    }
    sim = _genesis.genesis(config.load(EXAMPLE, set=good), recording=[], is_synthetic=True)["sim"]
    assert sim["feed"] == {"uniform_ns": [1_000_000, 2_000_000]}
    assert sim["response"] == {"lognormal": {"median_ns": 1_000_000, "sigma_e9": 500_000_000}}
    assert "uniform" in str(refused({"sim.feed": {"low": "1ms", "sigma": "0.5"}}))
    assert "no more than high" in str(refused({"sim.feed": {"low": "3ms", "high": "2ms"}}))


def test_files_that_are_no_config_are_named(tmp_path: Any) -> None:
    for name, text in {"broken.toml": "[run\n", "empty.toml": ""}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError):
            config.load(tmp_path / name)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name in ("binary.toml", "absent.toml"):
        with pytest.raises(InputError, match="cannot be read"):
            config.load(tmp_path / name)


def test_overrides_name_rows_by_number_venue_or_both() -> None:
    for row in ("0", "binance-spot", "binance-spot:BTCUSDT"):
        changed = config.load(EXAMPLE, set={f"instruments.{row}.fees.taker": "0.0009"})
        assert changed.instruments[0].fees.taker == Decimal("0.0009")
    assert config.load(EXAMPLE, set={"run.seed": "3"}).run.seed == 3
    assert config.load(EXAMPLE, set={"parent": None}).parent is None
    assert config.load(EXAMPLE, set={"risk.needs_funds": "false"}).risk.needs_funds is False


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("data.recording", '"nope"', "nope"),
        ("data.recording", "'nope'", "nope"),
        ("data.recording", "nope", "nope"),
        ("data.recording", "20240808", "20240808"),
        ("data.recording", "true", "true"),
        ("data.recording", 'half"', 'half"'),
        ("parent.side", '"sell"', "sell"),
        ("parent.limit", "0.004", Decimal("0.004")),
        ("parent.limit", '"0.004"', Decimal("0.004")),
        ("parent.order_qty", "12", Decimal(12)),
        ("parent.slices", "12", 12),
        ("parent.duration", '"3m"', "3m"),
        ("parent.instruments", '["binance-spot:BTCUSDT"]', ["binance-spot:BTCUSDT"]),
        ("route.usd_per", '{USDT = 1.25, USD = "1"}', {"USDT": Decimal("1.25"), "USD": Decimal(1)}),
        ("sim.feed", '"3ms"', "3ms"),
        ("sim.queue_power", "1.5", Decimal("1.5")),
    ],
)
def test_an_override_is_read_as_toml_or_as_bare_text(key: str, text: str, wanted: object) -> None:
    found: Any = config.load(EXAMPLE, set={key: text})
    for step in key.split("."):
        own = getattr(found, "params", {})
        found = own[step] if step in own else getattr(found, step)
    assert found == wanted


def test_an_override_may_be_an_inline_table() -> None:
    feed = config.load(EXAMPLE, set={"sim.feed": '{low = "1ms", high = "2ms"}'}).sim.feed
    assert isinstance(feed, config.RandomLatency)
    assert feed.high == "2ms"
    fees = config.load(EXAMPLE, set={"instruments.0.fees": "{taker = 0.0002, maker = 0}"})
    assert fees.instruments[0].fees.taker == Decimal("0.0002")
    assert "parent.slices = '1.5'" in str(refused({"parent.slices": "1.5"}))


def test_a_config_that_was_not_parsed_is_checked_before_it_runs(tmp_path: Any) -> None:
    run = config.load(EXAMPLE, set={"data.recording": None})
    spot = msgspec.structs.replace(run.instruments[0], min_order_qty=Decimal("0.000015"))
    off = msgspec.structs.replace(run, instruments=[spot, *run.instruments[1:]])
    with pytest.raises(InputError, match=r"min_order_qty = '0.000015'.*lots \(0.00001\)"):
        tr.run(off, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_algorithm_that_is_not_there_is_refused_with_those_that_are() -> None:
    error = refused({"parent.algo": "twop"})
    assert error.message == "parent.algo = 'twop'"
    assert error.rule == "An algorithm is a shipped one, or a path that ends in .py"
    assert error.remedy.startswith("Did you mean 'twap'? Known: ")


OWN = """import tiderace as tr


@tr.record
class Params:
    share: int = tr.param(minimum=1, maximum=1_000_000_000, unit="share")
    size: tr.Amount = tr.param(0, unit="base")


@tr.program(capabilities=["parent"], meta={"name": "own", "controls": "end"})
class Own:
    params: Params

    def on_start(self) -> None:
        tr.host.take(tr.host.order_qty())
"""


def own(folder: Path, *lines: str) -> Path:
    """Write an algorithm, and a config that names it by a path from its own folder."""
    (folder / "algos").mkdir(parents=True)
    (folder / "algos" / "own.py").write_text(OWN)
    head, _, rest = EXAMPLE.read_text().partition("[parent]")
    said = ["[parent]", 'algo = "algos/own.py"', 'side = "sell"', 'order_qty = "2"', *lines]
    path = folder / "own.toml"
    path.write_text(head + "\n".join(said) + "\n" + rest[rest.index("[[instruments]]") :])
    return path


def test_a_file_of_ones_own_is_named_from_the_folder_of_the_config(tmp_path: Path) -> None:
    lines = ['duration = "1m"', 'share = "0.5"', 'size = "1.5"']
    texts = set()
    for folder in ("here", "there"):
        path = own(tmp_path / folder, *lines)
        found = _genesis.genesis(config.load(path), recording=[], is_synthetic=True)
        texts.add(_genesis.to_json(found))
    assert len(texts) == 1
    parent = found["parents"][0]
    assert (parent["algo"], parent["limit"], parent["at_end"]) == (0, 0, "expire")
    assert found["labels"][parent["tags"]["algorithm"]] == "own"
    (algo,) = found["algos"]
    held = (500_000_000).to_bytes(8, "little") + (150_000_000).to_bytes(16, "little")
    assert bytes.fromhex(algo["params"]) == held
    assert bytes.fromhex(algo["form"]) == _algos.find(str(path.parent / "algos/own.py")).form


def test_a_journal_s_config_is_read_without_the_file(tmp_path: Path) -> None:
    path = own(tmp_path / "here", 'duration = "1m"', 'share = "0.5"')
    found = _genesis.genesis(config.load(path), recording=[], is_synthetic=True)
    (path.parent / "algos" / "own.py").unlink()
    back, _ = _genesis.read_back(_genesis.to_json(found))
    assert back.parent is not None
    assert back.parent.algo == "own.py"
    assert back.parent.params == {"share": "0.5"}
    assert found["recording"]["params"] == {"share": "0.5", "size": "0"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['duration = "1m"'], "parent.share is missing"),
        (['duration = "1m"', 'share = "0"'], "parent.share = '0'. It is between 0.000000001 and 1"),
        (
            ['duration = "1m"', 'share = "1"', 'limit = "0.1"'],
            "parent.limit has no meaning for own",
        ),
        (['share = "1"'], "parent.duration is missing"),
    ],
)
def test_an_algorithm_of_ones_own_refuses_by_name(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        config.load(own(tmp_path / "here", *lines))


def test_an_order_without_an_end_needs_no_duration(tmp_path: Path) -> None:
    path = own(tmp_path / "here", 'at_end = "keep"', 'share = "1"')
    found = _genesis.genesis(config.load(path), recording=[], is_synthetic=True)
    assert (found["parents"][0]["duration_ns"], found["parents"][0]["at_end"]) == (0, "keep")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('side = "buy"', "parent.side has no meaning for own"),
        ('would = "0.1"', "parent.would has no meaning for own"),
        ('at_end = "take"', 'parent.at_end = "take". own works both sides'),
        ('duration = "1m"', ""),
    ],
)
def test_what_works_both_sides_has_neither_a_side_nor_a_rest(
    tmp_path: Path, given: str, words: str
) -> None:
    path = own(tmp_path / "here", 'share = "1"', given, 'spread_max = "0.1"')
    text = path.read_text().replace('side = "sell"\n', "")
    if "duration" not in given:
        text = text.replace("share =", 'duration = "1m"\nshare =')
    path.write_text(text)
    file = path.parent / "algos" / "own.py"
    controls = '"kind": "two_sided", "controls": "would end gates"'
    file.write_text(OWN.replace('"controls": "end"', controls))
    if words:
        with pytest.raises(InputError, match=re.escape(words)):
            config.load(path)
    else:
        found = _genesis.genesis(config.load(path), recording=[], is_synthetic=True)
        assert found["parents"][0]["side"] == "buy"


def test_what_has_no_end_goes_on(tmp_path: Path) -> None:
    path = own(tmp_path / "here", 'share = "1"')
    file = path.parent / "algos" / "own.py"
    file.write_text(OWN.replace('"controls": "end"', '"controls": "gates"'))
    found = _genesis.genesis(config.load(path), recording=[], is_synthetic=True)
    assert (found["parents"][0]["duration_ns"], found["parents"][0]["at_end"]) == (0, "keep")
    path.write_text(path.read_text().replace("share =", 'duration = "1m"\nshare ='))
    with pytest.raises(InputError, match=r"parent\.duration has no meaning for own"):
        config.load(path)


def test_what_bounds_a_parent_is_scaled() -> None:
    changes = {
        "parent.would": "0.0005",
        "parent.would_qty": "5",
        "parent.max_participation": "0.2",
        "parent.clip_max": "0.5",
        "parent.at_end": "take",
        "parent.spread_max": "0.001",
        "parent.range_max": "0.01",
    }
    found = _genesis.genesis(config.load(EXAMPLE, set=changes), recording=[], is_synthetic=True)
    parent = found["parents"][0]
    assert {name: parent[name] for name in ("would", "would_qty", "max_participation")} == {
        "would": 500_000,
        "would_qty": 500_000_000,
        "max_participation": 200_000_000,
    }
    assert (parent["clip_min"], parent["clip_max"]) == (50_000_000, 50_000_000)
    assert (parent["spread_max"], parent["range_max"]) == (1_000_000, 10_000_000)
    assert parent["at_end"] == "take"
    kept = found["recording"]["params"]
    assert (kept["slices"], kept["catch_up_cap"]) == (30, "3")


ONE_LINE = [name for name in _algos.names() if _algos.find(name).kind == "parent"]


@pytest.mark.parametrize("algo", [*ONE_LINE, "examples/programs/patient.py"])
def test_the_main_job_is_worked_by_another_algorithm_by_one_line(
    algo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = config.load(EXAMPLE, set={"parent.algo": algo})
    genesis = _genesis.genesis(found, recording=[], is_synthetic=True)
    name = genesis["labels"][genesis["parents"][0]["tags"]["algorithm"]]
    assert name == _algos.find(algo).name


def test_a_config_survives_its_plain_tables() -> None:
    run = config.load(EXAMPLE)
    assert config.parse(json.loads(json.dumps(config.to_dict(run)))) == run


def test_the_genesis_is_whole_numbers_only() -> None:
    genesis = _genesis.genesis(config.load(EXAMPLE), recording=[], is_synthetic=False)

    def floats(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [f for item in value.values() for f in floats(item)]
        if isinstance(value, list):
            return [f for item in value for f in floats(item)]
        return [value] if isinstance(value, float) else []

    assert floats(genesis) == []
    parent = genesis["parents"][0]
    assert parent["order_qty"] == 40 * 10**8
    assert parent["limit"] == 3_000_000
    assert parent["instruments"] == 0b111
    spot, _, inverse = genesis["instruments"]
    assert (spot["lot_size"], spot["tick_size"]) == (10_000_000, 10_000_000_000)
    assert inverse["contract_multiplier"] == 100 * 10**12
    assert genesis["labels"][0] == ""
    assert genesis["labels"][parent["tags"]["algorithm"]] == "twap"


def test_the_genesis_does_not_know_where_files_go() -> None:
    one, two = (config.load(EXAMPLE, set={"run.out": out}) for out in ("here", "there"))
    texts = {
        _genesis.to_json(_genesis.genesis(c, recording=[], is_synthetic=True)) for c in (one, two)
    }
    assert len(texts) == 1


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_scaling_is_exact_both_ways(value: int, decimals: int) -> None:
    assert scaled(unscaled(value, decimals), decimals, key="x") == value


@given(st.integers(0, 10**6), st.sampled_from(["ns", "us", "ms", "s", "m", "h", "d"]))
def test_a_duration_is_its_number_of_units(number: int, unit: str) -> None:
    assert duration_ns(f"{number}{unit}") == number * duration_ns(f"1{unit}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        max_leaves=8,
    )
)
def test_no_value_is_more_than_an_input_error(value: Any) -> None:
    raw = tomllib.loads(EXAMPLE.read_text())
    for key in ("parent", "instruments", "run", "sim"):
        with contextlib.suppress(InputError):
            config.parse({**raw, key: value})


def test_an_empty_config_names_the_section_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(InputError, match=r"section \[run\] is missing.*Add it, as in"):
        config.load(tmp_path / "empty.toml")
