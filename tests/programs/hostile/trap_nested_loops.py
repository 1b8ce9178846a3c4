# expect: trap out_of_fuel args=[0] fuel=50000
import tiderace as tr


@tr.program
def f(a: int) -> int:
    for i in range(1 << 40):
        for j in range(1 << 40):
            a ^= i & j
    return a
