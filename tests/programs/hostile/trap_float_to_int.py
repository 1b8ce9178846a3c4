# expect: trap float_to_int args=[1000] fuel=100000
import tiderace as tr
from tiderace import model


@tr.program
def f(a: int) -> int:
    return int(model.exp(float(a)))
