# expect: trap range_step args=[0] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    for i in range(0, 10, a):
        return i
    return 1
