# expect: error name 10
import tiderace as tr

x = 5


@tr.record
class R:
    x: int = tr.param(7)
    y: tr.Array[int, x]


@tr.program
def f(a: int) -> int:
    return a
