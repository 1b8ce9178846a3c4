"""Refusals of what algorithms ask for, as a report shows them."""

from pathlib import Path

from face import EXAMPLE, SMALL

import tiderace as tr

GREEDY = """import tiderace as tr


@tr.program(capabilities=["parent", "book:*"], meta={"name": "greedy"})
class Greedy:
    def on_start(self) -> None:
        price = tr.host.price(0, tr.host.is_buy(), 0)
        for _ in range(2):
            qty = tr.host.lots(0, tr.host.order_qty(), price)
            tr.host.post_at(0, tr.host.is_buy(), qty, price)
"""


def test_a_child_beyond_what_is_left_is_reported_like_any_other_refusal(tmp_path: Path) -> None:
    """The core's word for "as much as may go" is an integer that polars cannot sort."""
    file = tmp_path / "greedy.py"
    file.write_text(GREEDY)
    keys = {key: value for key, value in SMALL.items() if key != "parent.slices"}
    run = tr.run(EXAMPLE, set=keys | {"parent.algo": str(file)}, out=tmp_path / "out")
    assert run.refusals.to_polars()["reason"].to_list() == ["nothing_left"]
    (shown,) = run.summary["refusals"]
    assert (shown["reason"], shown["count"]) == ("nothing_left", 1)
    assert "neither filled nor working" in run.report().read_text()
