"""Patient: rests a part at the best price, moves it now and then, and takes when it is late.

An algorithm of one's own: a config names the file instead of a shipped one,

    algo = "programs/patient.py"

or on the command line

    tiderace run examples/twap_three_books.toml --set parent.algo=examples/programs/patient.py

What it asks for is cut to what is neither filled nor working, and held to the limit price: the desk
sees to that (docs/ALGO.md).
"""

import tiderace as tr

ONE = 1_000_000_000
ANSWER = 100_000_000


@tr.record
class Params:
    """How patient it is."""

    pause: int = tr.param(2_000_000_000, minimum=ANSWER, unit="ns")
    part: int = tr.param(20_000_000, minimum=1, maximum=ONE, unit="share")
    late: int = tr.param(250_000_000, minimum=0, maximum=ONE, unit="share")


@tr.program(
    capabilities=["parent", "timer"],
    meta={"name": "patient", "controls": "limit clip end gates"},
)
class Patient:
    """Rests, and takes at the end."""

    params: Params

    def on_start(self) -> None:
        """Begin at once."""
        self.on_timer()

    def on_timer(self) -> None:
        """Cancel what rests, and post a part anew; when it is late, take a part."""
        wait = self.params.pause
        part = tr.host.order_qty() * self.params.part // ONE
        if tr.host.children() > 0:
            tr.host.cancel_all()
            wait = ANSWER
        elif self._is_late():
            tr.host.take(part * 2)
        else:
            tr.host.post(part)
        tr.host.wake(tr.host.now() + wait)

    def _is_late(self) -> bool:
        """Whether no more than the last part of the time is left."""
        whole = tr.i128(tr.host.end() - tr.host.start())
        return tr.i128(tr.host.end() - tr.host.now()) <= whole * self.params.late // ONE
