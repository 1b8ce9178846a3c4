# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    try:
        return 1 // a
    except ZeroDivisionError:
        return 0
