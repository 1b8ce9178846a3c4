# expect: error name 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    tr = a
    return tr
