# expect: error alias 8
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 4]
    c = b
    return a
