# expect: error unsupported 10
import tiderace as tr


@tr.program
def f(a: int) -> int:
    while a > 0:
        a -= 1
    else:
        a = 1
    return a
