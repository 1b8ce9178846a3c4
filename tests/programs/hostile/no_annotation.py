# expect: error type 6
import tiderace as tr


@tr.program
def f(a) -> int:
    return a
