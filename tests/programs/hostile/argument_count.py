# expect: error call 11
import tiderace as tr


def g(a: int, b: int) -> int:
    return a + b


@tr.program
def f(a: int) -> int:
    return g(a)
