"""Due when it is asked for the third time: it shows when a condition is asked."""

import tiderace as tr


@tr.record
class State:
    """What happened so far."""

    asked: int


@tr.program(meta={"kind": "condition"})
class ThirdTime:
    """Counts the questions."""

    state: State

    def is_due(self) -> bool:
        """Count, and return whether that was the third."""
        self.state.asked += 1
        return self.state.asked >= 3
