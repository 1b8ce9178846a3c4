# expect: trap shift args=[64] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return 1 << a
