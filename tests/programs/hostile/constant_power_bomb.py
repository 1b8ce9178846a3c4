# expect: error constant 4
import tiderace as tr

X = 9**9**9**9


@tr.program
def f(a: int) -> int:
    return a
