# expect: error alias 9
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = tr.Array[tr.Array[int, 2], 2]()
    c = tr.Array[tr.Array[int, 2], 2]()
    b[:] = c
    return a
