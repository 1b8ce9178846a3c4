# expect: error call 8
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b = tr.Array[tr.Array[int, 2], 2]()
    return len(b[a])
