# expect: error unassigned 9
import tiderace as tr


@tr.program
def f(a: int) -> int:
    for i in range(a):
        pass
    return i
