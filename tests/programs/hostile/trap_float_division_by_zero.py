# expect: trap div_zero args=[0] fuel=100000
import tiderace as tr
from tiderace import model


@tr.program
def f(a: int) -> int:
    return int(1.0 / float(a))
