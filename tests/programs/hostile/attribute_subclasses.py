# expect: error attribute 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return ().__class__.__bases__[0].__subclasses__()
