# expect: error import 3
import tiderace as tr
from tiderace import *


@tr.program
def f(a: int) -> int:
    return a
