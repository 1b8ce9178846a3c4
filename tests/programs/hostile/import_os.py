# expect: error import 3
import tiderace as tr
import os


@tr.program
def f(a: int) -> int:
    return a
