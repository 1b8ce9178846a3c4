# expect: trap overflow args=[9223372036854775807, 9223372036854775807] fuel=100000
import tiderace as tr


@tr.program
def f(p: tr.Price, q: tr.Qty) -> int:
    return int(p * q * 2)
