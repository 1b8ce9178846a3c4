"""The right entry under the wrong kind."""

import tiderace as tr


@tr.program(meta={"kind": "payoff"})
class OtherKind:
    """Is no condition."""

    def is_due(self) -> bool:
        """Say yes."""
        return True
