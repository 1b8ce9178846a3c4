# expect: error constant 4
import tiderace as tr

X = open(0)


@tr.program
def f(a: int) -> int:
    return a
