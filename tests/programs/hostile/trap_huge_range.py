# expect: trap out_of_fuel args=[0] fuel=5000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    for i in range(9223372036854775807):
        a = i
    return a
