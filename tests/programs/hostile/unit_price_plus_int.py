# expect: error unit 7
import tiderace as tr


@tr.program
def f(p: tr.Price) -> int:
    return int(p + 1)
