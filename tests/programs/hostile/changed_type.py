# expect: error type 8
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = 1
    b = a > 0
    return b
