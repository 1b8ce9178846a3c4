"""A down-and-out call that watches its barrier within a window of observations.

The state keeps whether it still lives: a snapshot of the program is a copy of these bytes.
"""

import tiderace as tr


@tr.record
class Params:
    """What was agreed."""

    strike: tr.Price
    barrier: tr.Price
    window_begin_ns: int = tr.param(0, minimum=0, unit="ns")
    window_end_ns: int = tr.param(1 << 62, minimum=0, unit="ns")


@tr.record
class State:
    """What has happened."""

    is_out: bool
    observations: int


@tr.program
class BarrierCall:
    """Observed until expiry; settled once."""

    params: Params
    state: State

    def _is_watched(self, now_ns: int) -> bool:
        return self.params.window_begin_ns <= now_ns <= self.params.window_end_ns

    def on_observation(self, now_ns: int, index: tr.Price) -> None:
        """Take one observation."""
        if not self._is_watched(now_ns):
            return
        self.state.observations += 1
        if index <= self.params.barrier:
            self.state.is_out = True

    def payoff(self, settlement: tr.Price, qty: tr.Qty) -> tr.Amount:
        """Return what the holder of `qty` lots receives."""
        if self.state.is_out:
            return tr.Amount(0)
        return max(settlement - self.params.strike, tr.Price(0)) * qty
