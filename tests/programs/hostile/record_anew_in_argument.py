# expect: error alias 11
import tiderace as tr


@tr.record
class Leg:
    x: int


def g(b: tr.Array[Leg, 2], leg: Leg) -> int:
    b[0] = Leg(x=9)
    return leg.x


@tr.program
def f(a: int) -> int:
    b = tr.Array[Leg, 2]()
    return g(b, b[0])
