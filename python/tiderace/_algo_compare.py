"""Algorithms against each other: one order, worked by each of them under the same seeds.

A seed is a market on our own venue: the same flow for every algorithm, until its own orders move
it. So parents of one seed are pairs, and `tiderace.tca.league` compares them as pairs; nothing is
averaged here but what a league does not know. Runs go to worker processes and leave no folders.
"""

import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich import box
from rich.table import Table

from tiderace import _algos, _run, tca
from tiderace import config as _config
from tiderace._learn.intervals import Estimate, mean
from tiderace._learn.sessions import order_of
from tiderace._recordings import Progress
from tiderace._tca.league import rows_of
from tiderace.config import Config
from tiderace.errors import InputError, RunFailed

BASELINE = "twap"
METRIC = "slippage_bps_arrival"
_COMMON = frozenset((*_algos.KEYS, *(key for keys in _algos.CONTROLS.values() for key in keys)))


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What algorithms came to over the same seeds.

    Attributes
    ----------
    league
        Costs and shares of each, and its difference to the baseline, with intervals.
    completed
        Share of the runs in which an algorithm had all of its order, but for dust.
    participation
        Own volume over all that traded on its venues until its last fill; zero without a fill.
    refused, stopped
        What the desk refused an algorithm, and programs stopped, over all runs.
    order
        What was asked for: ``[parent]`` without the algorithm.
    seeds
        The seeds of the runs.
    """

    league: tca.League
    completed: Mapping[str, float]
    participation: Mapping[str, Estimate]
    refused: Mapping[str, int]
    stopped: Mapping[str, int]
    order: Mapping[str, Any]
    seeds: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        told = self.league.to_dict()
        for name, group in told["groups"].items():
            group |= {
                "completed": self.completed[name],
                "participation": self.participation[name]._asdict(),
                "refused": self.refused[name],
                "stopped": self.stopped[name],
            }
        return told | {"order": dict(self.order), "seeds": list(self.seeds)}


class _Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What one run tells."""

    algo: str
    seed: int
    rows: list[dict[str, Any]]
    is_completed: bool
    participation: float
    refused: int
    stopped: int


def compare(
    config: str | Path,
    algos: Sequence[str],
    *,
    baseline: str = BASELINE,
    seeds: Sequence[int],
    metric: str = METRIC,
    overrides: Mapping[str, object] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Compared:
    """Run each algorithm and the baseline on a config's order, under seeds, on our own venue.

    Parameters
    ----------
    config
        A TOML file with a ``[parent]``; its recording is left out.
    algos
        Shipped ones by name, or paths that end in ``.py``.
    baseline
        What they are held against, named alike.
    seeds
        Two or more, each a market.
    metric
        What ranks, one of `tiderace.tca.METRICS`.
    overrides
        By dotted key; ``NAME.KEY`` is a parameter of that algorithm alone, e.g. ``pov.rate``.
    workers
        Processes; as many as there are cores when absent. With one there is none but this.

    Raises
    ------
    InputError
        A name is not an algorithm, works both sides, or comes twice; a key has no meaning for one.
    RunFailed
        A worker died.
    """
    configs = _configs(config, [baseline, *(name for name in algos if name != baseline)], overrides)
    _check(configs, seeds, metric)
    names = list(configs)
    tasks = [(name, seed) for seed in seeds for name in names]
    runs: list[_Ran] = []
    with tempfile.TemporaryDirectory(prefix="tiderace-compare-") as folder:
        for ran in _runs(configs, tasks, folder, workers or os.cpu_count() or 1):
            runs.append(ran)
            if progress:
                progress("comparing", len(runs), len(tasks))
    # Workers finish in any order; sums of floats want one.
    place = {task: row for row, task in enumerate(tasks)}
    runs.sort(key=lambda ran: place[ran.algo, ran.seed])
    of = {name: [ran for ran in runs if ran.algo == name] for name in names}
    rows = pl.DataFrame([row for ran in runs for row in ran.rows], schema=dict(rows_of([]).schema))
    order = _config.to_dict(configs[names[0]])["parent"]
    return Compared(
        league=tca.league(rows, baseline=names[0], metric=metric),
        completed={
            name: sum(ran.is_completed for ran in each) / len(each) for name, each in of.items()
        },
        participation={
            name: mean([ran.participation for ran in each]) for name, each in of.items()
        },
        refused={name: sum(ran.refused for ran in each) for name, each in of.items()},
        stopped={name: sum(ran.stopped for ran in each) for name, each in of.items()},
        order={key: value for key, value in order.items() if key in _COMMON and key != "algo"},
        seeds=list(seeds),
    )


def _configs(
    path: str | Path, algos: Sequence[str], overrides: Mapping[str, object] | None
) -> dict[str, Config]:
    """Return the config of each algorithm by its name, checked."""
    found = [_algos.find(name, key="--algo") for name in algos]
    names = [each.name for each in found]
    for number, each in enumerate(found):
        if each.kind != _algos.KINDS[0]:
            raise InputError(
                f"--algo {each.name!r} works both sides",
                rule="Compared are algorithms that work one side of one order",
                remedy="Leave it out",
            )
        if each.name in names[:number]:
            raise InputError(
                f"--algo {each.name!r} comes twice",
                rule="Algorithms are told apart by their names",
                remedy="Give one of them another name in its meta, or leave it out",
            )
    own: dict[str, dict[str, object]] = {name: {} for name in names}
    common: dict[str, object] = {"data.recording": None}
    for key, value in (overrides or {}).items():
        name, _, rest = key.partition(".")
        if name in own:
            own[name][f"parent.{rest}"] = value
        else:
            common[key] = value
    base = _config.load(path, set=common)
    if base.parent is None:
        raise InputError(
            f"config {str(path)!r} has no [parent]",
            rule="Compared is one parent order, worked by several algorithms",
            remedy="Add [parent] with side, order_qty, duration and limit",
        )
    whole = _config.to_dict(base)
    parent = {key: value for key, value in whole["parent"].items() if key in _COMMON}
    # Parameters of the config's own algorithm are no other's.
    params = {base.parent.algo: base.parent.params}
    out = {}
    for path_or_name, each in zip(algos, found, strict=True):
        of_its_own = params.get(path_or_name, {})
        row = {**whole, "parent": parent | {"algo": path_or_name, **of_its_own}}
        out[each.name] = _config.override(_config.parse(row), own[each.name])
    return out


def _check(configs: Mapping[str, Config], seeds: Sequence[int], metric: str) -> None:
    if len(configs) < 2:
        raise InputError(
            f"only {', '.join(configs)} to compare",
            rule="An algorithm is held against another",
            remedy="Name one or more with --algo, or another baseline",
        )
    if len(set(seeds)) < max(2, len(seeds)):
        raise InputError(
            f"seeds {list(seeds)}",
            rule="An interval needs two seeds or more, each once",
            remedy="Give others",
        )
    if metric not in tca.METRICS:
        raise InputError(
            f"metric is {metric!r}",
            rule=f"It is one of {', '.join(tca.METRICS)}",
            remedy="Choose one",
        )


def _runs(
    configs: Mapping[str, Config], tasks: Sequence[tuple[str, int]], folder: str, workers: int
) -> Iterator[_Ran]:
    """Yield what each task came to, as it comes."""
    if workers == 1:
        for name, seed in tasks:
            yield _ran(configs[name], name, seed, folder)
        return
    # A process that is forked from one with threads may hang: workers start afresh.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_begin_worker
    )
    try:
        sent = _sent(pool, [(configs[name], name, seed, folder) for name, seed in tasks])
        for done in as_completed(sent):
            yield done.result()
    except BrokenProcessPool:
        raise RunFailed(
            "a worker process died",
            rule="A run needs some hundred megabytes",
            remedy="Make room, or take fewer with --workers",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _sent(
    pool: ProcessPoolExecutor, tasks: Sequence[tuple[Config, str, int, str]]
) -> list[Future[_Ran]]:
    """Give all to the workers, which begin here: with Ctrl-C blocked, as they inherit it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        return [pool.submit(_ran, *task) for task in tasks]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Go when the process that asked is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    asked = parent_process()
    if asked is not None:
        asked.join()
        os._exit(1)


def _ran(config: Config, name: str, seed: int, folder: str) -> _Ran:
    """Run one and keep what it tells."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        run = _run.run(config, out=own, set={"run.seed": seed})
        rows = [row for row in rows_of([run]).to_dicts() if row["algo"] == name]
        has_filled = run.table("FillBooked").height > 0
        return _Ran(
            algo=name,
            seed=seed,
            rows=rows,
            is_completed=run.summary["status"] == "completed",
            participation=order_of(run)[0] if has_filled else 0.0,
            refused=run.table("Refused").height,
            stopped=run.table("ProgramStopped").height,
        )


_SHARE = 100.0
_COSTS = {"slippage_bps_arrival": "arrival", "shortfall_bps": "shortfall"}


def shown(found: Compared) -> Table:
    """Return it as a table for a person."""
    told = found.to_dict()
    level = f"{found.league.level:.0%}"
    title = f"{len(found.seeds)} seeds each; the gap is less {found.league.baseline}, by pairs, "
    title += f"with its {level} interval. In bp; below zero is better"
    out = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("algorithm", no_wrap=True)
    heads = [head for words in _COSTS.values() for head in (words, "gap")]
    for head in (*heads, "filled", "done", "market", "maker"):
        out.add_column(head, justify="right", no_wrap=True)
    for name, group in sorted(told["groups"].items(), key=lambda item: int(item[1]["rank"])):
        metrics = group["metrics"]
        figures = []
        for metric in _COSTS:
            figures.append(_figure(metrics[metric]["mean"]))
            figures.append(_gap(group["versus"].get(metric)))
        shares = (
            metrics["fill_rate"]["mean"],
            group["completed"],
            group["participation"]["value"],
            metrics["maker_share"]["mean"],
        )
        out.add_row(name, *figures, *(_percent(share) for share in shares))
    return out


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * _SHARE:.1f} %"


def _gap(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "baseline"
    if row["difference"] is None:
        return "-"
    return f"{row['difference']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
