# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    if (b := a) > 0:
        return b
    return a
