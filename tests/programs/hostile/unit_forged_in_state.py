# expect: error unit 14
import tiderace as tr


@tr.record
class Leg:
    px: tr.Price
    qty: tr.Qty


@tr.program
def f(a: int) -> int:
    l: Leg
    l.px = l.qty
    return a
