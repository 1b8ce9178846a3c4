"""The made-up run of `tests/python` is what a browser looks at where there is no engine."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
