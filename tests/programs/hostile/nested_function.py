# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    def g() -> int:
        return 1
    return a
