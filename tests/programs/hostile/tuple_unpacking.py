# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    a, b = 1, 2
    return a
