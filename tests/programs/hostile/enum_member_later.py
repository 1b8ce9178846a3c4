# expect: error constant 6
import tiderace as tr


class E(tr.Enum):
    A = B + 1
    B = 1


@tr.program
def f(a: int) -> int:
    return E.A
