# expect: error capability 7
import tiderace as tr


@tr.program
def f(a: int) -> int:
    return tr.host.send_everything(a)
