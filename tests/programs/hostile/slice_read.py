# expect: error unsupported 8
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 4]
    return b[0:2][0]
