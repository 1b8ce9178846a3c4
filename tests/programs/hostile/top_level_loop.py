# expect: error top_level 4
import tiderace as tr

while True:
    pass


@tr.program
def f(a: int) -> int:
    return a
