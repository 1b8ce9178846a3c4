# expect: trap bounds args=[4] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 4]
    b[a] = 1
    return 0
