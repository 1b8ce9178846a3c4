# expect: error alias 14
import tiderace as tr


@tr.record
class Leg:
    x: int


@tr.program
def f(a: int) -> int:
    b = tr.Array[Leg, 2]()
    c = tr.Array[Leg, 2]()
    b[:] = c
    return a
