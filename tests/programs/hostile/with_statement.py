# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    with a:
        return a
    return 0
