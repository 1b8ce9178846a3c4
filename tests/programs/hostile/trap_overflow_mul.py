# expect: trap overflow args=[4294967296] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return a * a
