"""The child of ``tiderace bench crash``: a venue under load that is waiting to be killed.

``python _crash_child.py CORE FOLDER MODE NEXT_ID`` loads the core alone, without the package and
what it imports, so that a child is at work within some ten milliseconds.
"""

import importlib.util
import sys

__all__ = ["main"]


def main() -> None:
    """Run until killed."""
    core, folder, mode, next_id = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("tiderace._core", core)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{core} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.crash_child(folder, mode, int(next_id))


if __name__ == "__main__":
    main()
