# expect: trap overflow args=[63] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return 1 << a
