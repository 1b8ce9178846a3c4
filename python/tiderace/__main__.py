"""``python -m tiderace`` is ``tiderace``."""

from tiderace.cli import main

main()
