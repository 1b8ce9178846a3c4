# expect: error type 8
import tiderace as tr
from tiderace import model


@tr.program
def f(a: int) -> int:
    return int(a * 0.5)
