"""Writes the form of each program beside it: `python make_forms.py`."""

from pathlib import Path

from tiderace._programs.assemble import tree_of_file
from tiderace._programs.emit import core_end, form
from tiderace._programs.source import Source

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    for path in sorted(HERE.glob("*.py")):
        if path.name != "make_forms.py":
            whole = form(tree_of_file(Source(path.read_text(encoding="utf-8"), file=path.name)))
            path.with_suffix(".form").write_bytes(whole[: core_end(whole)])
