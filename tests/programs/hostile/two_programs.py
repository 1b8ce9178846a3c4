# expect: error program 11
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return a


@tr.program
def g(a: int) -> int:
    return a
