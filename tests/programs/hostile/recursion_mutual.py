# expect: error recursion 5
import tiderace as tr


def g(a: int) -> int:
    return h(a)


def h(a: int) -> int:
    return g(a)


@tr.program
def f(a: int) -> int:
    return g(a)
