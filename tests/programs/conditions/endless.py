"""Runs until its fuel is gone."""

import tiderace as tr


@tr.program(meta={"kind": "condition"})
class Endless:
    """Never says anything."""

    def is_due(self) -> bool:
        """Turn round and round."""
        while True:
            pass
