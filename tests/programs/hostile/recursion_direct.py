# expect: error recursion 6
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return f(a - 1)
