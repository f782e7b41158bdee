"""`trifocal simulate`: which policy keeps an objective on a recorded load, and at what cost."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from trifocal.autoscaling.balancing import Balancing
from trifocal.autoscaling.simulation.lost import Lost
from trifocal.autoscaling.simulation.plots.figure import PlotsMissingError, require
from trifocal.autoscaling.simulation.plots.files import save
from trifocal.autoscaling.simulation.policy import Setting
from trifocal.autoscaling.simulation.result import PolicyResult
from trifocal.autoscaling.simulation.run import draw_all, run_policy
from trifocal.autoscaling.simulation.staffing import Staffing
from trifocal.autoscaling.simulation.synthetic import SHAPES, synthetic
from trifocal.autoscaling.simulation.table import as_json, table
from trifocal.autoscaling.simulation.trace import Trace, TraceError
from trifocal.autoscaling.simulation.trace_csv import read_trace
from trifocal.cli.one_sentence import Duration, OneSentence, Refused, Stretch
from trifocal.cli.simulate.line_up import ALL, NAMES, contestant, least_replica_hours, shortage

EVERY = "all"
MOST_REQUESTS = 20_000_000
"""Of a trace. Each takes about 130 bytes and 5 us of each policy's turn: 3 GB and 2 minutes."""
_PLAIN_WIDTH = 140
"""Columns where there is no terminal."""
_LONG_SECONDS = 7200.0
_ROUNDING = 1e-9
"""A full batch of 8 may take 8 times as long as one request, whatever floating point says."""


def _policies(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Names, once each, in the order given."""
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    unknown = next((name for name in names if name not in {EVERY, *NAMES}), None)
    if unknown is not None:
        raise click.BadParameter(f"'{unknown}' is none of {', '.join((EVERY, *NAMES))}.")
    return tuple(dict.fromkeys(one for name in names for one in (ALL if name == EVERY else [name])))


def _number(_: click.Context, __: click.Parameter, value: float) -> float:
    """`nan` is within every range."""
    if math.isnan(value):
        raise click.BadParameter("nan is no number.")
    return value


@click.command(cls=OneSentence)
@click.option(
    "--trace",
    "source",
    required=True,
    help="CSV file with a header `minute,JOB...` (requests a minute) or `timestamp,value`; "
    f"or a built-in load: {', '.join(SHAPES)}.",
)
@click.option(
    "--service-time", type=Duration(), required=True, help="Of a request alone in an idle pod."
)
@click.option("--slo", type=Duration(), required=True, help="Latency that a request must keep.")
@click.option(
    "--percentile",
    type=click.FloatRange(1, 100, max_open=True),
    default=99.0,
    show_default=True,
    callback=_number,
    help="Percent of a minute's requests that must keep it.",
)
@click.option(
    "--cold-start",
    type=Duration(zero=True),
    required=True,
    help="From the order of a pod to its first request.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    default=(EVERY,),
    show_default=True,
    callback=_policies,
    metavar="NAME[,NAME...]",
    help=f"{EVERY}, or some of {', '.join(NAMES)}.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Of when requests come within a step.",
)
@click.option(
    "--min-replicas",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Least pods of a job.",
)
@click.option(
    "--max-replicas",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Most pods of a job.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Play the trace so many times as fast; its rates grow as much.",
)
@click.option(
    "--peak-replicas",
    type=click.IntRange(min=1),
    help="Scale the load so that the busiest job keeps so many pods busy in its busiest step.",
)
@click.option(
    "--balancing",
    type=click.Choice(get_args(Balancing)),
    default="shared",
    show_default=True,
    help="shared: the next free pod takes a request, as behind a balancer that counts them. "
    "blind: a pod by chance gets it, as behind a Service.",
)
@click.option(
    "--max-batch",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Most requests of one execution.",
)
@click.option("--batch-time", type=Duration(), help="Of a full batch; needed with --max-batch.")
@click.option(
    "--lose-metrics",
    "lost_windows",
    type=Stretch(),
    multiple=True,
    metavar="FROM-TO",
    help="No policy can read any metric from one time to another, like 30m-35m.",
)
@click.option(
    "--lose-scrapes",
    "lost_percent",
    type=click.FloatRange(0, 100, max_open=True),
    default=0.0,
    show_default=True,
    callback=_number,
    help="Percent of the scrapes of single pods that fail by chance.",
)
@click.option(
    "--plots",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for timeline.png and pareto.png.",
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def simulate(  # noqa: PLR0913 - one parameter for each option
    *,
    source: str,
    service_time: float,
    slo: float,
    percentile: float,
    cold_start: float,
    policies: tuple[str, ...],
    seed: int,
    min_replicas: int,
    max_replicas: int,
    time_scale: float,
    peak_replicas: int | None,
    balancing: Balancing,
    max_batch: int,
    batch_time: float | None,
    lost_windows: tuple[tuple[float, float], ...],
    lost_percent: float,
    folder: Path | None,
    form: str,
) -> None:
    """Replay a load against scaling policies, request by request.

    A minute is bad when more of its requests are late than --percentile allows. Replica-hours
    count from a pod's order to its removal. The same seed gives the same figures.
    """
    fixed, item = _execution(service_time, max_batch, batch_time)
    setting = Setting(
        fixed_seconds=fixed,
        item_seconds=item,
        max_batch=max_batch,
        objective_seconds=slo,
        percentile=percentile,
        cold_start_seconds=cold_start,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        balancing=balancing,
        lost=Lost(windows=lost_windows, share=lost_percent / 100, seed=seed),
    )
    try:
        _check(setting)
        trace = _trace(source).faster(time_scale)
        trace = trace if peak_replicas is None else trace.with_peak(peak_replicas, setting)
        _check_size(trace)
        _check_times(trace, setting)
        if folder is not None:
            require()
    except (ValueError, PlotsMissingError) as error:
        raise Refused(str(error)) from error
    _warn(trace, setting)
    results = _play(trace, setting, policies, seed)
    least = least_replica_hours(trace, setting)
    if form == "json":
        click.echo(as_json(results))
    else:
        console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
        title = _title(source, trace, setting, seed)
        console.print(table(results, title, least, f"p{percentile:g}"))
    if folder is not None:
        _save(results, setting, least, folder)


def _save(
    results: Sequence[PolicyResult], setting: Setting, least_hours: float, folder: Path
) -> None:
    try:
        written = save(results, setting, least_hours, folder)
    except OSError as error:
        raise Refused(f"The plots cannot be written: {error}.") from error
    click.echo(f"plots: {', '.join(map(str, written))}", err=True)


def _execution(alone: float, max_batch: int, full: float | None) -> tuple[float, float]:
    """Fixed seconds of an execution, and those of each of its requests."""
    if max_batch == 1:
        if full is not None:
            raise Refused("--batch-time is the time of a full batch; give --max-batch too.")
        return 0.0, alone
    if full is None:
        raise Refused("--max-batch needs --batch-time, the time of a full batch.")
    item = (full - alone) / (max_batch - 1)
    if not 0 <= item <= alone * (1 + _ROUNDING):
        raise Refused(
            f"--batch-time of {max_batch} requests lies between --service-time and "
            f"{max_batch} times as much."
        )
    return max(alone - item, 0.0), item


def _check(setting: Setting) -> None:
    if setting.min_replicas > setting.max_replicas:
        raise ValueError("--min-replicas is greater than --max-replicas; no number is within both.")
    Staffing(setting)


def _trace(source: str) -> Trace:
    """A built-in load, or a file's."""
    if source in SHAPES:
        return synthetic(source)
    path = Path(source)
    if not path.is_file():
        raise TraceError(f"--trace '{source}' is neither a file nor one of {', '.join(SHAPES)}.")
    try:
        return read_trace(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{source} cannot be read as text: {error}.") from error
    except TraceError as error:
        raise TraceError(f"{source}: {error}") from error


def _check_size(trace: Trace) -> None:
    requests = _requests(trace)
    if requests <= 0:
        raise TraceError("No job has any requests, so there is nothing to play.")
    if requests > MOST_REQUESTS:
        raise TraceError(
            f"The trace has {requests:.3g} requests and at most {MOST_REQUESTS:.3g} are played; "
            "leave out rows, or make the load smaller with --peak-replicas."
        )


def _warn(trace: Trace, setting: Setting) -> None:
    """Said, not refused: whoever looks for the least maxReplicas goes below it."""
    short = shortage(trace, setting)
    if short is not None:
        click.echo(
            f"Note: --max-replicas {setting.max_replicas} is too few for "
            f"p{setting.percentile:g} in {short.steps} "
            f"step{'s' if short.steps > 1 else ''} of the trace, whatever the policy; "
            f"the busiest needs {short.replicas}.",
            err=True,
        )


def _check_times(trace: Trace, setting: Setting) -> None:
    played = f"the load as it is played lasts {_length(trace.seconds)}"
    if setting.cold_start_seconds >= trace.seconds:
        raise TraceError(
            f"--cold-start is {_length(setting.cold_start_seconds)}, but {played}: nothing that is "
            "ordered would ever serve; give a longer trace."
        )
    late = next((since for since, _ in setting.lost.windows if since >= trace.seconds), None)
    if late is not None:
        raise TraceError(
            f"--lose-metrics begins {_length(late)} after the start, but {played}; "
            "give an earlier time."
        )


def _play(
    trace: Trace, setting: Setting, policies: Sequence[str], seed: int
) -> tuple[PolicyResult, ...]:
    with _progress(len(policies)) as tell:
        loads = draw_all(trace, seed)
        results = []
        for name in policies:
            tell(name)
            one = contestant(name, trace, setting)
            results.append(run_policy(name, loads, setting, one.make, one.initial))
    return tuple(results)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr while policies are played, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _name: None
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("requests", total=total, completed=-1)

        def tell(name: str) -> None:
            bar.update(task, description=name, advance=1)

        yield tell


def _title(source: str, trace: Trace, setting: Setting, seed: int) -> str:
    times = f"p{setting.percentile:g} within {1000 * setting.objective_seconds:g} ms"
    jobs = f"{len(trace.jobs)} job{'s' if len(trace.jobs) > 1 else ''}"
    lost = "".join(
        f", no metrics from {since / 60:g} to {until / 60:g} min"
        for since, until in setting.lost.windows
    )
    if setting.lost.share:
        lost += f", {100 * setting.lost.share:g} % of scrapes lost"
    return (
        f"{Path(source).name}: {_requests(trace):.0f} requests of {jobs} in "
        f"{_length(trace.seconds)}; {times}, cold start {setting.cold_start_seconds:g} s, "
        f"seed {seed}{lost}"
    )


def _length(seconds: float) -> str:
    """Minutes of what is short, hours of the rest."""
    return f"{seconds / 60:g} min" if seconds < _LONG_SECONDS else f"{seconds / 3600:.1f} h"


def _requests(trace: Trace) -> float:
    return float(sum(requests.sum() for requests in trace.jobs.values()))
