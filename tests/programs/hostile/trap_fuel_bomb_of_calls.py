# expect: trap out_of_fuel args=[0] fuel=20000
import tiderace as tr


def g0(a: int) -> int:
    return a


def g1(a: int) -> int:
    for i in range(1000):
        a = g0(a)
    return a


def g2(a: int) -> int:
    for i in range(1000):
        a = g1(a)
    return a


def g3(a: int) -> int:
    for i in range(1000):
        a = g2(a)
    return a


def g4(a: int) -> int:
    for i in range(1000):
        a = g3(a)
    return a


def g5(a: int) -> int:
    for i in range(1000):
        a = g4(a)
    return a


@tr.program
def f(a: int) -> int:
    return g5(a)
