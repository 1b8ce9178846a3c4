# expect: trap bounds args=[-1] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 4]
    return b[a]
