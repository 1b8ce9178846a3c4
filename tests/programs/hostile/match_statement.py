# expect: error unsupported 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    match a:
        case 1:
            return 1
    return a
