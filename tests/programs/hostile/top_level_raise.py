# expect: error top_level 4
import tiderace as tr

raise SystemExit(3)


@tr.program
def f(a: int) -> int:
    return a
