# expect: error unassigned 9
import tiderace as tr


@tr.program
def f(a: int) -> int:
    if a > 0:
        b = 1
    return b
