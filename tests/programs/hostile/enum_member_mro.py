# expect: error name 6
import tiderace as tr


class E(tr.Enum):
    mro = 1


@tr.program
def f(a: int) -> int:
    return a
