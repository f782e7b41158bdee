"""`trifocal optimize`: the optimization Job's work on this machine, without a cluster."""

import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typing_extensions import override

from trifocal.api.location import Location
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.size import file_size
from trifocal.api.sources import FIELDS, sources
from trifocal.api.status import CandidateStatus
from trifocal.artifacts.failure import WorkError
from trifocal.artifacts.place import Place
from trifocal.artifacts.publication import artifact_path, report_path
from trifocal.artifacts.store import open_store
from trifocal.cli.by_target import by_target
from trifocal.cli.manifest_file import ManifestFileError, read_manifest_file
from trifocal.optimizer.contract import OptimizationRequest, OptimizationResult, ResolvedLocation
from trifocal.optimizer.contract import Progress as WorkProgress
from trifocal.optimizer.progress import Announcer, Listener
from trifocal.resources.optimization_job import build_request
from trifocal.settings import Settings

_PLAIN_WIDTH = 140
"""Columns where there is no terminal: a log keeps long lines, and reasons read better."""
_VERDICT_STYLES = {"Chosen": "bold green", "Passed": "green", "Lost": "yellow", "Failed": "red"}


class _Folders(click.ParamType[tuple[str, Path]]):
    """NAME=DIR, for what is an object of the cluster's in the manifest."""

    name = "NAME=DIR"

    @override
    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        """Split, and require the folder."""
        name, separator, folder = value.partition("=")
        if not separator or not name:
            self.fail(f"'{value}' is not NAME=DIR.", param, ctx)
        if not Path(folder).is_dir():
            self.fail(f"'{folder}' is not a folder.", param, ctx)
        return name, Path(folder).absolute()


@click.command()
@click.option(
    "-f",
    "--filename",
    type=click.Path(path_type=Path),
    required=True,
    help="YAML file with a ModelDeployment.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder that becomes the artifact store.",
)
@click.option(
    "--claim", "claims", type=_Folders(), multiple=True, help="Folder that stands for a claim."
)
@click.option(
    "--secret",
    "secrets",
    type=_Folders(),
    multiple=True,
    help="Folder with one file per key that stands for a Secret.",
)
def optimize(
    filename: Path,
    out: Path,
    claims: tuple[tuple[str, Path], ...],
    secrets: tuple[tuple[str, Path], ...],
) -> None:
    """Optimize a model on this machine, without a cluster.

    The artifact, its report and the result are written to the folder given by --out, in the same
    form as on a cluster. Latency is this machine's.
    """
    console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    try:
        md = read_manifest_file(filename)
        request = local_request(md, out.absolute(), dict(claims), dict(secrets))
        result = _work(request, console)
    except ManifestFileError as error:
        _fail(*error.problems)
    except WorkError as error:
        _fail(f"{error.reason}: {error}")
    if result.candidates:
        console.print(candidates_table(result.candidates, md))
    for note in result.notes:
        console.print(f"note      {note}", markup=False, highlight=False)
    if result.failure is not None:
        _fail(f"{result.failure.reason}: {result.failure.message}")
    _tell(result, out, console)


def local_request(
    md: ModelDeployment, out: Path, claims: Mapping[str, Path], secrets: Mapping[str, Path]
) -> OptimizationRequest:
    """The request that a cluster would make, with this machine's paths in it.

    Raises:
        ManifestFileError: A claim or Secret that the manifest names has no folder.
    """
    problems: list[str] = []

    def resolve(location: Location, field: str) -> ResolvedLocation | None:
        try:
            return _resolved(location, field, claims, secrets)
        except ManifestFileError as error:
            problems.extend(error.problems)
            return None

    places = {role: resolve(place, FIELDS[role]) for role, place in sources(md.spec).items()}
    if problems:
        raise ManifestFileError(*problems)
    store = ResolvedLocation(uri=out.as_uri())
    found = build_request(md, Settings()).model_copy(update=dict(places.items()))
    return found.model_copy(update={"store": store})


def candidates_table(candidates: Sequence[CandidateStatus], md: ModelDeployment) -> Table:
    """A row for each candidate, by target."""
    gate = md.spec.optimization.gate
    percentile = gate.latency.percentile if gate.latency else 99
    table = Table(title=f"Candidates for {md.metadata.name}")
    table.add_column("target")
    table.add_column("candidate")
    metric = gate.accuracy.metric_of(md.spec.model.task)
    for name in (metric, "drop", "agreement", f"p{percentile} ms", "size"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    table.add_column("why", overflow="fold")
    groups = by_target(candidates, lambda candidate: candidate.target)
    for candidate in chain.from_iterable(groups.values()):
        table.add_row(
            candidate.target if candidate is groups[candidate.target][0] else "",
            candidate.name,
            _number(candidate.accuracy, ".4f"),
            _number(candidate.accuracy_drop, "+.4f"),
            _number(candidate.agreement, ".4f"),
            _number(candidate.latency_milliseconds, ".3f"),
            _size(candidate.size_bytes),
            candidate.verdict,
            escape(candidate.reason),
            style=_VERDICT_STYLES[candidate.verdict],
        )
    return table


def _tell(result: OptimizationResult, out: Path, console: Console) -> None:
    console.print(f"artifact  {result.artifact}")
    console.print(f"files     {out / artifact_path(result.artifact or '', '')}")
    for edge in result.edges:
        console.print(f"{edge.runtime:<9} {out / artifact_path(edge.artifact, '')}")
    console.print(f"report    {out / report_path(result.request)}")


def _resolved(
    location: Location, field: str, claims: Mapping[str, Path], secrets: Mapping[str, Path]
) -> ResolvedLocation:
    secret = location.secret_ref.name if location.secret_ref else None
    if secret is not None and secret not in secrets:
        raise ManifestFileError(
            f"{field}.secretRef: names the Secret '{secret}'; give its folder with "
            f"--secret {secret}=DIR."
        )
    uri = location.uri
    if location.claim_name is not None:
        if location.claim_name not in claims:
            raise ManifestFileError(
                f"{field}.claimName: names the claim '{location.claim_name}'; give its folder "
                f"with --claim {location.claim_name}=DIR."
            )
        inside = Place(uri=uri).path.lstrip("/")
        uri = (claims[location.claim_name] / inside).as_uri()
    return ResolvedLocation(
        uri=uri,
        digest=getattr(location, "digest", None),
        endpoint=location.endpoint,
        credentials_dir=str(secrets[secret]) if secret else None,
    )


def _work(request: OptimizationRequest, console: Console) -> OptimizationResult:
    place = Place(uri=request.store.uri)
    try:
        from trifocal.optimizer.pipeline import Workplace  # noqa: PLC0415 - an optional part
        from trifocal.optimizer.pipeline import optimize as run  # noqa: PLC0415 - as above

        with (
            tempfile.TemporaryDirectory(prefix="trifocal-") as scratch,
            _narrating(console) as listener,
        ):
            workplace = Workplace(
                store=open_store(place), scratch=Path(scratch), announce=Announcer(listener)
            )
            return run(request, workplace)
    except ImportError as error:
        if error.name is None or error.name.startswith("trifocal"):
            raise
        _fail(
            f"This needs {error.name}; install it with `pip install trifocal[optimizer]`, or "
            "trifocal[extended] for training, other formats and runtimes of devices."
        )


@contextmanager
def _narrating(console: Console) -> Iterator[Listener]:
    """A progress bar in a terminal; elsewhere a line for each step."""
    logging.getLogger().setLevel(logging.ERROR)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=100)
        yield lambda p: bar.update(task, completed=p.percent, description=p.step)


class _Lines:
    """One line for each step, not one for each image."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def __call__(self, progress: WorkProgress) -> None:
        step = progress.step.partition(",")[0]
        if step != self._last:
            self._last = step
            self._console.print(f"{progress.percent:3d} % {step}", highlight=False)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _size(size: int | None) -> str:
    return "-" if size is None else file_size(size)


def _fail(*problems: str) -> NoReturn:
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(1)
