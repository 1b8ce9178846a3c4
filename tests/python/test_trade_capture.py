"""Trades for an outside clearing house: the same record as FIX and as FIXML, to the byte."""

import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tiderace import _stress
from tiderace._trade_capture import fixml, trade_captures

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "trade_captures_v1.xml"
SPACE = "{http://www.fixprotocol.org/FIXML-5-0-SP2}"

OPTION: dict[str, Any] = {
    "symbol": "BTC-27MAR26-70000-C",
    "kind": "option",
    "contract_multiplier": Decimal("1.000000000000"),
    "maturity_ns": 1_774_598_400_000_000_000,
    "strike_price": Decimal("70000.000000000000"),
    "put_or_call": "call",
}
NONE = {"maturity_ns": None, "strike_price": None, "put_or_call": None}
INSTRUMENTS: list[dict[str, Any]] = [
    OPTION,
    {**NONE, "symbol": "BTC-PERP", "kind": "perpetual", "contract_multiplier": Decimal(10)},
    {**OPTION, "symbol": "UP-70000", "kind": "binary"},
    {**NONE, "symbol": "BTC-USDC", "kind": "spot", "contract_multiplier": Decimal(1)},
]


def trade(number: int, symbol: str, **more: Any) -> dict[str, Any]:
    """A trade as end-of-day tables have it."""
    return {
        "ts_ns": 1_770_278_400_123_456_789 + number * 1_000_000_000,
        "trade_id": number,
        "symbol": symbol,
        "price": Decimal("0.024700000000"),
        "qty": Decimal("120.000000000000"),
        "maker": "member-00-house",
        "taker": "customer-0000",
        "aggressor": "sell",
        "kind": "continuous",
        **more,
    }


TRADES = [
    trade(1, "BTC-27MAR26-70000-C"),
    trade(2, "BTC-PERP", aggressor="buy", kind="block", price=Decimal(-5)),
    trade(3, "UP-70000", kind="liquidation"),
    trade(4, "BTC-USDC", kind="auction"),
    trade(5, 'A<B> & "C"', maker="Hänsel & Söhne", taker="tab\tline\nbell\x07"),
]


def test_fixml_is_what_it_was_to_the_byte() -> None:
    assert fixml(TRADES, instruments=INSTRUMENTS).encode() == GOLDEN.read_bytes()


def test_fixml_is_well_formed_whatever_names_hold() -> None:
    batch = ET.fromstring(fixml(TRADES, instruments=INSTRUMENTS).encode())[0]
    assert (batch.tag, batch.attrib["TotMsg"]) == (f"{SPACE}Batch", "5")
    head, *reports = batch
    assert head.attrib == {
        "Snt": "2026-02-05T08:00:05.123Z",
        "SID": "TIDERACE",
        "TID": "CLEARING",
    }
    last = reports[4]
    assert last.find(f"{SPACE}Instrmt").attrib == {"Sym": 'A<B> & "C"'}  # type: ignore[union-attr]
    parties = [of.attrib["ID"] for of in last.iter(f"{SPACE}Pty")]
    # What no file can hold is a question mark.
    assert parties == ["tab\tline\nbell?", "Hänsel & Söhne"]


@pytest.mark.parametrize(
    ("at", "terms"),
    [
        (0, "SecTyp=OPT MMY=202603 MatDt=2026-03-27 StrkPx=70000 Mult=1 PutCall=1"),
        (1, "SecTyp=FUT Mult=10"),
        (2, "SecTyp=OPT MMY=202603 MatDt=2026-03-27 StrkPx=70000 Mult=1 PutCall=1 OptPayoutTyp=3"),
        (3, "Mult=1"),
    ],
)
def test_an_instrument_has_the_terms_that_fixml_has_words_for(at: int, terms: str) -> None:
    text = fixml(TRADES, instruments=INSTRUMENTS)
    instrument = [*ET.fromstring(text.encode()).iter(f"{SPACE}Instrmt")][at].attrib
    wanted = dict(pair.split("=") for pair in terms.split())
    assert instrument == {"Sym": TRADES[at]["symbol"], **wanted}


def test_both_forms_tell_the_same_of_every_trade() -> None:
    reports = ET.fromstring(fixml(TRADES[:4]).encode()).iter(f"{SPACE}TrdCaptRpt")
    lines = trade_captures(TRADES[:4])
    for report, line in zip(reports, lines, strict=True):
        fields = [field.partition("=") for field in line.split("\x01")]

        def told(tag: str, fields: list[tuple[str, str, str]] = fields) -> list[str]:
            return [value for name, _, value in fields if name == tag]

        of = report.attrib
        pairs = {"571": "RptID", "1003": "TrdID", "487": "TransTyp", "856": "RptTyp"}
        pairs |= {"32": "LastQty", "31": "LastPx", "570": "PrevlyRpted"}
        for tag, name in pairs.items():
            assert told(tag) == [of[name]], name
        assert told("75") == [of["TrdDt"].replace("-", "")]
        time = of["TxnTm"].replace("T", "-", 1).removesuffix("Z")
        assert told("60") == [time.replace("-", "", 2)]
        sides = [*report.iter(f"{SPACE}RptSide")]
        assert told("54") == [side.attrib["Side"] for side in sides]
        assert told("1") == [side[0].attrib["ID"] for side in sides]
        assert [side.attrib["AgrsrInd"] for side in sides] == ["Y", "N"]


def test_a_block_is_a_block_and_no_trade_an_empty_batch() -> None:
    reports = [*ET.fromstring(fixml(TRADES).encode()).iter(f"{SPACE}TrdCaptRpt")]
    assert [of.attrib["TrdTyp"] for of in reports] == ["0", "1", "0", "0", "0"]
    batch = ET.fromstring(fixml([]).encode())[0]
    assert (batch.attrib["TotMsg"], len(batch)) == ("0", 1)


def test_end_of_day_writes_both_forms_beside_the_tables(tmp_path: Path) -> None:
    def csv(rows: list[dict[str, Any]]) -> str:
        return pl.DataFrame(rows).write_csv()

    tables = {"instruments": csv(INSTRUMENTS), "trades": csv(TRADES[:4])}
    written = _stress.end_of_day(tables, tmp_path)
    assert {path.name for path in written} >= {"trades.fix", "trades.xml", "instruments.parquet"}
    text = (tmp_path / "trades.xml").read_text(encoding="utf-8")
    assert text == fixml(TRADES[:4], instruments=INSTRUMENTS)
    assert (tmp_path / "trades.fix").read_text() == "".join(trade_captures(TRADES[:4]))
    # Without terms a symbol is all that is told.
    _stress.end_of_day({"trades": tables["trades"]}, tmp_path)
    assert (tmp_path / "trades.xml").read_text(encoding="utf-8") == fixml(TRADES[:4])
