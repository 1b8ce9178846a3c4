"""Due at a time."""

import tiderace as tr


@tr.record
class Params:
    """When."""

    time: int = tr.param(0, minimum=0, maximum=1 << 62)


@tr.program(meta={"kind": "condition"})
class AtTime:
    """Reads the clock and nothing else."""

    params: Params

    def is_due(self) -> bool:
        """Return whether the time has come."""
        return tr.host.now() >= self.params.time
