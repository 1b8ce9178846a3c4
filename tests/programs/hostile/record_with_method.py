# expect: error class 9
import tiderace as tr


@tr.record
class R:
    a: int

    def g(self) -> int:
        return 1


@tr.program
def f(a: int) -> int:
    return a
