# expect: error unsupported 6
import tiderace as tr


@tr.program
def f(*, a: int) -> int:
    return a
