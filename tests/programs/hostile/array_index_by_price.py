# expect: error unit 8
import tiderace as tr


@tr.program
def f(p: tr.Price) -> int:
    b: tr.Array[int, 4]
    return b[p]
