# expect: error read_only 15
import tiderace as tr


@tr.record
class Params:
    n: int = tr.param(3, minimum=1, maximum=5)


@tr.program
class F:
    params: Params

    def on_start(self) -> None:
        self.params.n = 10
