# expect: error class 12
import tiderace as tr


@tr.record
class Terms:
    x: int = tr.param(7)


@tr.program
class F:
    state: Terms

    def f(self) -> int:
        return self.state.x
