"""Turns round before it says no, and says yes at a question by number: what costs, and when it is asked."""

import tiderace as tr


@tr.record
class Params:
    """How much it costs, and when it is due."""

    rounds: int = tr.param(0, minimum=0)
    question: int = tr.param(1 << 62, minimum=1)


@tr.record
class State:
    """What happened so far."""

    asked: int


@tr.program(meta={"kind": "condition"})
class Busy:
    """Counts the questions."""

    params: Params
    state: State

    def is_due(self) -> bool:
        """Turn round, count, and return whether it was that question."""
        done = 0
        while done < self.params.rounds:
            done += 1
        self.state.asked += 1
        return self.state.asked >= self.params.question
