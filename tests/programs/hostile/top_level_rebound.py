# expect: error name 5
import tiderace as tr

N = 1
N += 5


@tr.program
def f(a: int) -> int:
    return N
