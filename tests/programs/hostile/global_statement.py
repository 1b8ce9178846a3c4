# expect: error unsupported 9
import tiderace as tr

N = 1


@tr.program
def f(a: int) -> int:
    global N
    return a
