# expect: error unsupported 5
import tiderace as tr


@print
def g(a: int) -> int:
    return a


@tr.program
def f(a: int) -> int:
    return g(a)
