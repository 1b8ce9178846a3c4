# expect: trap overflow args=[4294967296] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = tr.i128(a)
    for i in range(10):
        b *= b
    return int(b)
