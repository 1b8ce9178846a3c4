# expect: error alias 20
import tiderace as tr


@tr.record
class Leg:
    x: int


@tr.record
class State:
    leg: Leg


@tr.program
class F:
    state: State

    def _reset(self, leg: Leg) -> int:
        self.state.leg = Leg(x=9)
        return leg.x

    def f(self) -> int:
        return self._reset(self.state.leg)
