"""A portfolio and orders as files and as the rows of the functions, for margin's what-if."""

from pathlib import Path
from typing import Any

PORTFOLIO = """\
symbol,qty,kind,base,settle,maturity,strike_price,put_or_call,index,vol,forward,discount,now
BTC-27MAR26-70000-C,-12,option,BTC,USDC,2026-03-27,70000,call,60000,0.6,60500,0.99,2026-01-01T00:00:00Z
BTC-27MAR26-50000-P,-8,option,BTC,USDC,2026-03-27,50000,put,,0.65,,,
BTC-30JAN26-55000-P,15,option,BTC,USDC,2026-01-30,55000,put,,0.62,60180,0.997,
BTC-30JAN26-62000-C,10,option,BTC,USDC,2026-01-30,62000,call,,0.58,,,
BTC-PERP,2.5,perpetual,BTC,USDC,,,,,,,,
"""
ORDERS = """\
symbol,side,order_qty,price,kind,base,settle,maturity,strike_price,put_or_call,vol,index
BTC-PERP,sell,6,60100,,,,,,,,
BTC-27MAR26-45000-P,sell,20,1350,option,BTC,USDC,2026-03-27,45000,put,0.68,
BTC-27MAR26-70000-C,buy,5,4100,,,,,,,,
ETH-PERP,buy,10,3010,perpetual,ETH,USDC,,,,,3000
"""
MARKET: dict[str, Any] = {
    "now": "2026-01-01T00:00:00Z",
    "index": {"BTC": "60000", "ETH": "3000"},
    "forward": {
        "BTC": {
            "2026-03-27": {"forward": "60500", "discount": "0.99"},
            "2026-01-30": {"forward": "60180", "discount": "0.997"},
        }
    },
    "vol": {
        "BTC-27MAR26-70000-C": "0.6",
        "BTC-27MAR26-50000-P": "0.65",
        "BTC-30JAN26-55000-P": "0.62",
        "BTC-30JAN26-62000-C": "0.58",
        "BTC-27MAR26-45000-P": "0.68",
    },
}


def option(symbol: str, maturity: str) -> dict[str, Any]:
    """Return an option by its name."""
    *_, strike, side = symbol.split("-")
    kind = {"kind": "option", "base": "BTC", "settle": "USDC", "maturity": maturity}
    put_or_call = "put" if side == "P" else "call"
    return {"symbol": symbol, **kind, "strike_price": strike, "put_or_call": put_or_call}


def perpetual(base: str) -> dict[str, Any]:
    """Return a perpetual of an underlying."""
    return {"symbol": f"{base}-PERP", "kind": "perpetual", "base": base, "settle": "USDC"}


POSITIONS: list[dict[str, Any]] = [
    {"instrument": option("BTC-27MAR26-70000-C", "2026-03-27"), "qty": "-12"},
    {"instrument": option("BTC-27MAR26-50000-P", "2026-03-27"), "qty": "-8"},
    {"instrument": option("BTC-30JAN26-55000-P", "2026-01-30"), "qty": "15"},
    {"instrument": option("BTC-30JAN26-62000-C", "2026-01-30"), "qty": "10"},
    {"instrument": perpetual("BTC"), "qty": "2.5"},
]
ORDER_ROWS: list[dict[str, Any]] = [
    {"instrument": of, "side": side, "order_qty": qty, "price": price}
    for of, side, qty, price in (
        (perpetual("BTC"), "sell", "6", "60100"),
        (option("BTC-27MAR26-45000-P", "2026-03-27"), "sell", "20", "1350"),
        (option("BTC-27MAR26-70000-C", "2026-03-27"), "buy", "5", "4100"),
        (perpetual("ETH"), "buy", "10", "3010"),
    )
]


def write(folder: Path) -> tuple[Path, Path]:
    """Write portfolio and orders as files."""
    portfolio, orders = folder / "portfolio.csv", folder / "orders.csv"
    portfolio.write_text(PORTFOLIO)
    orders.write_text(ORDERS)
    return portfolio, orders
