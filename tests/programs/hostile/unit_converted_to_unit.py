# expect: error unit 7
import tiderace as tr


@tr.program
def f(p: tr.Price) -> tr.Qty:
    return tr.Qty(p)
