# expect: error import 3
import tiderace as tr
from math import sqrt


@tr.program
def f(a: int) -> int:
    return a
