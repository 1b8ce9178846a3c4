# expect: error limit 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[tr.Array[int, 4096], 4096]
    return a
