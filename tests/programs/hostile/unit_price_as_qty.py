# expect: error unit 11
import tiderace as tr


def g(q: tr.Qty) -> tr.Qty:
    return q


@tr.program
def f(p: tr.Price) -> int:
    return int(g(p))
