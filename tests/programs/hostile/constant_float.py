# expect: error constant 5
import tiderace as tr
from tiderace import model

X = 0.5


@tr.program
def f(a: int) -> int:
    return a
