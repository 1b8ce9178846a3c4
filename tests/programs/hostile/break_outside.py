# expect: error flow 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    break
