# expect: error top_level 6
import tiderace as tr


@tr.program
async def f(a: int) -> int:
    return a
