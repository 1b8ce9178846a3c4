# expect: error program 1
import tiderace as tr


def f(a: int) -> int:
    return a
