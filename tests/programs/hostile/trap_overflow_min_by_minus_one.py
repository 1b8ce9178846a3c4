# expect: trap overflow args=[-9223372036854775808] fuel=100000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return a // -1
