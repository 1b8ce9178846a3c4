# expect: error type 11
import tiderace as tr


@tr.program
class F:
    def f(self) -> int:
        return 1

    def _g(self) -> int:
        return 1 + True
