# expect: trap out_of_fuel args=[0] fuel=1000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    b: tr.Array[int, 8000]
    b[a] = 1
    return b[0]
