# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = {a: a}
    return a
