# expect: error limit 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 1_000_000_000]
    return a
