# expect: error unsupported 8
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 4]
    for x in b:
        a += x
    return a
