# expect: error class 12
import tiderace as tr


@tr.record
class Terms:
    x: int = tr.param(7)


@tr.program
def f(a: int) -> int:
    b = tr.Array[Terms, 2]()
    return b[0].x
