# expect: error flow 6
import tiderace as tr


@tr.program
def f(a: int) -> int:
    if a > 0:
        return 1
