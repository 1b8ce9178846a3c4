# expect: error capability 5
import tiderace as tr


@tr.program(capabilities=["network"])
def f(a: int) -> int:
    return a
