# expect: error attribute 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return a.__class__
