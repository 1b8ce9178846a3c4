# expect: error unit 7
import tiderace as tr


@tr.program
def f(p: tr.Price, q: tr.Qty) -> int:
    return p * q
