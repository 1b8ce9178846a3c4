# expect: error class 5
import tiderace as tr


class Evil(int):
    def __add__(self, other):
        return 0


@tr.program
def f(a: int) -> int:
    return a
