# expect: trap div_zero args=[0] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return 1 // a
