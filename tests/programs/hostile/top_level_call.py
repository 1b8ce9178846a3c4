# expect: error top_level 4
import tiderace as tr

print("executed")


@tr.program
def f(a: int) -> int:
    return a
