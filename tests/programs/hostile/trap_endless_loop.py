# expect: trap out_of_fuel args=[0] fuel=5000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    while True:
        a += 0
    return a
