# expect: error constant 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return a + 9223372036854775808
