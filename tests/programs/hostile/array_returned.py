# expect: error type 6
import tiderace as tr


@tr.program
def f(a: int) -> tr.Array[int, 4]:
    b: tr.Array[int, 4]
    return b
