# expect: error type 12
import tiderace as tr


@tr.record
class Leg:
    x: int


@tr.program
def f(a: int) -> int:
    b: int = Leg()
    return a
