# expect: error type 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    if a:
        return 1
    return 0
