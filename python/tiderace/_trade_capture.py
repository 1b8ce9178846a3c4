"""Trades for an outside clearing house: FIX trade capture reports, and the same as FIXML.

Owns both forms of one record, a row of the end-of-day trades. One way: nothing is read back. Both
sides are in every report, the taker's first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import quoteattr

Row = Mapping[str, Any]

_NAMESPACE = "http://www.fixprotocol.org/FIXML-5-0-SP2"
_FIX_SIDE = {"buy": "1", "sell": "2"}
# TrdType (828): what FIX has no word for is a regular trade.
_TRADE_TYPE = {"block": "1"}
# SecurityType (167) has no word for a coin, nor for a payoff that is a program.
_SECURITY_TYPE = {"perpetual": "FUT", "future": "FUT", "option": "OPT", "binary": "OPT"}
_PUT_OR_CALL = {"put": "0", "call": "1"}
_BINARY = "3"
_CUSTOMER_ACCOUNT = "24"
_PROPRIETARY = "D"
# What no XML file can hold, not even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def trade_captures(trades: Iterable[Row], *, sender: str = "TIDERACE") -> Iterable[str]:
    """Yield trades as FIX 4.4 trade capture reports (35=AE), both sides in each, a line a message.

    The two sides are the taker's (with its side) and the maker's; the clearing account is Account
    (1). Fields are closed by SOH as on the wire, and a line feed follows each message.

    References
    ----------
    FIX 4.4, TradeCaptureReport.
    """
    for number, trade in enumerate(trades, start=1):
        moment, nanos = _moment(trade)
        time = f"{moment:%Y%m%d-%H:%M:%S}.{nanos // 1_000_000:03d}"
        (taker, _), (maker, _) = _sides(trade)
        fields = [
            *((35, "AE"), (49, sender), (56, "CLEARING"), (34, number), (52, time)),
            *((571, trade["trade_id"]), (487, 0), (856, 0), (570, "N"), (55, trade["symbol"])),
            *((32, _plain(trade["qty"])), (31, _plain(trade["price"]))),
            *((75, f"{moment:%Y%m%d}"), (60, time), (1003, trade["trade_id"]), (552, 2)),
            *((54, _FIX_SIDE[taker]), (37, trade["trade_id"]), (1, trade["taker"])),
            *((54, _FIX_SIDE[maker]), (37, trade["trade_id"]), (1, trade["maker"])),
        ]
        body = "".join(f"{tag}={value}\x01" for tag, value in fields)
        whole = f"8=FIX.4.4\x019={len(body)}\x01{body}"
        yield f"{whole}10={sum(whole.encode('ascii', 'replace')) % 256:03d}\x01\n"


def fixml(
    trades: Sequence[Row],
    *,
    instruments: Iterable[Row] = (),
    sender: str = "TIDERACE",
    target: str = "CLEARING",
) -> str:
    """Return trades as one FIXML batch of trade capture reports, a line a report.

    Parameters
    ----------
    trades
        Rows of the end-of-day trades.
    instruments
        Rows of the end-of-day instruments. Of a symbol that is not there only the symbol is told.

    Returns
    -------
    str
        A document in UTF-8. It was sent at the time of its last trade: there is no clock here.

    References
    ----------
    FIX 5.0 SP2, TradeCaptureReport as FIXML (``TrdCaptRpt``).
    """
    known = {row["symbol"]: row for row in instruments}
    head = {"SID": sender, "TID": target}
    if trades:
        head = {"Snt": _time(trades[-1])} | head
    ids = f"{trades[0]['trade_id']}-{trades[-1]['trade_id']}" if trades else "0"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        _tag("FIXML", {"xmlns": _NAMESPACE, "v": "FIX.5.0SP2"}, is_open=True),
        _tag("Batch", {"ID": ids, "TotMsg": len(trades)}, is_open=True),
        _tag("Hdr", head),
        *(_report(trade, known.get(trade["symbol"], {})) for trade in trades),
        "</Batch>",
        "</FIXML>",
    ]
    return "\n".join(lines) + "\n"


def _report(trade: Row, instrument: Row) -> str:
    moment, _ = _moment(trade)
    told = {
        "RptID": trade["trade_id"],
        "TrdID": trade["trade_id"],
        "TransTyp": 0,
        "RptTyp": 0,
        "TrdTyp": _TRADE_TYPE.get(trade.get("kind", ""), "0"),
        "PrevlyRpted": "N",
        "LastQty": _plain(trade["qty"]),
        "LastPx": _plain(trade["price"]),
        "TrdDt": f"{moment:%Y-%m-%d}",
        "TxnTm": _time(trade),
    }
    sides = "".join(
        _tag("RptSide", {"Side": _FIX_SIDE[side], "AgrsrInd": is_taker}, is_open=True)
        + _tag("Pty", {"ID": account, "Src": _PROPRIETARY, "R": _CUSTOMER_ACCOUNT})
        + "</RptSide>"
        for (side, account), is_taker in zip(_sides(trade), "YN", strict=True)
    )
    terms = _tag("Instrmt", {"Sym": trade["symbol"], **_terms(instrument)})
    return f"{_tag('TrdCaptRpt', told, is_open=True)}{terms}{sides}</TrdCaptRpt>"


def _terms(instrument: Row) -> dict[str, object]:
    """Return what FIXML has a word for; a perpetual is a future without a maturity."""
    kind, told = instrument.get("kind"), dict[str, object]()
    if kind in _SECURITY_TYPE:
        told["SecTyp"] = _SECURITY_TYPE[kind]
    maturity = instrument.get("maturity_ns")
    if maturity is not None:
        moment = datetime.fromtimestamp(maturity // 1_000_000_000, UTC)
        told |= {"MMY": f"{moment:%Y%m}", "MatDt": f"{moment:%Y-%m-%d}"}
    if instrument.get("strike_price") is not None:
        told["StrkPx"] = _plain(instrument["strike_price"])
    if instrument.get("contract_multiplier") is not None:
        told["Mult"] = _plain(instrument["contract_multiplier"])
    if instrument.get("put_or_call") is not None:
        told["PutCall"] = _PUT_OR_CALL[instrument["put_or_call"]]
    if kind == "binary":
        told["OptPayoutTyp"] = _BINARY
    return told


def _sides(trade: Row) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return side and account of the taker, then of the maker."""
    side = trade["aggressor"]
    return (side, trade["taker"]), ("sell" if side == "buy" else "buy", trade["maker"])


def _moment(trade: Row) -> tuple[datetime, int]:
    seconds, nanos = divmod(trade["ts_ns"], 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC), nanos


def _time(trade: Row) -> str:
    moment, nanos = _moment(trade)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos // 1_000_000:03d}Z"


def _plain(value: Any) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _tag(name: str, attributes: Mapping[str, object], *, is_open: bool = False) -> str:
    pairs = "".join(
        f" {key}={quoteattr(_UNSPEAKABLE.sub('?', str(value)))}"
        for key, value in attributes.items()
    )
    return f"<{name}{pairs}{'>' if is_open else '/>'}"
