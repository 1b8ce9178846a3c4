# expect: error float 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = 0.5
    return a
