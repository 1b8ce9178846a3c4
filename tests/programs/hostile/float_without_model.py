# expect: error float 6
import tiderace as tr


@tr.program
def f(a: float) -> float:
    return a
