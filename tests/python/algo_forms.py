"""The forms of the shipped algorithms, by whatever CPython runs this: `algo_forms.py FOLDER`.

Only the front end is imported: a package that stands in for `tiderace` keeps its `__init__`, and
with it everything that another interpreter does not have installed, out of the way.
"""

import sys
import types
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[2] / "python"


def forms() -> dict[str, bytes]:
    """Return each shipped algorithm's form by its name, up to the end of the core."""
    from tiderace._programs.assemble import tree_of_file
    from tiderace._programs.emit import core_end, form
    from tiderace._programs.source import Source

    found = {}
    for path in sorted((PYTHON / "tiderace" / "algo").glob("[!_]*.py")):
        tree = tree_of_file(Source(path.read_text(encoding="utf-8"), file=path.name))
        whole = form(tree)
        found[dict(tree.meta)["name"]] = whole[: core_end(whole)]
    return found


if __name__ == "__main__":
    package = types.ModuleType("tiderace")
    package.__path__ = [str(PYTHON / "tiderace")]
    sys.modules["tiderace"] = package
    for name, data in forms().items():
        Path(sys.argv[1], f"{name}.form").write_bytes(data)
