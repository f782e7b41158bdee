"""The ModelDeployment: applied, followed until it serves, and what the optimization found."""

from rich.console import Console

from hack.demo.data import data_folder
from hack.demo.kube import NAME, NAMESPACE, Kube
from hack.demo.problem import DemoError
from hack.demo.waiting import wait_for
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.api.status import ConditionStatusModel, ModelDeploymentStatus
from trifocal.cli.manifest_file import read_manifest_file
from trifocal.cli.optimize import candidates_table

READY_SECONDS = 900
LOOK = f"kubectl -n {NAMESPACE} describe mdep {NAME}"


def manifest() -> ModelDeployment:
    """The ModelDeployment that the demo applies, as values."""
    return read_manifest_file(data_folder() / "modeldeployment.yaml")


def read_status(kube: Kube) -> ModelDeploymentStatus | None:
    """Its status, once it speaks about the current spec."""
    found = kube.get("mdep", NAME)
    status = ModelDeploymentStatus.model_validate(found.get("status") or {})
    current = status.observed_generation == found["metadata"]["generation"]
    return status if current else None


def condition(status: ModelDeploymentStatus, kind: str) -> ConditionStatusModel | None:
    """One condition, if it is there."""
    return next((c for c in status.conditions if c.type == kind), None)


def is_true(status: ModelDeploymentStatus, kind: str) -> bool:
    """Whether a condition is there and True."""
    found = condition(status, kind)
    return found is not None and found.status == "True"


def headline(status: ModelDeploymentStatus | None) -> str:
    """What happens now, in one line."""
    if status is None:
        return "waiting for the operator"
    work = status.optimization
    ready = condition(status, "Ready")
    if work is not None and work.artifact is None and work.step:
        done = f"{work.progress_percent:3d} %" if work.progress_percent is not None else "  - %"
        return f"{done}  {work.step}"
    return f"{ready.reason}: {ready.message}" if ready else "waiting for the operator"


def deploy(kube: Kube, console: Console) -> str:
    """Apply the manifest and follow it until Ready."""
    kube.kubectl("apply", "--filename", str(data_folder() / "modeldeployment.yaml"))
    shown = ""
    with console.status("") as spinner:

        def follow() -> ModelDeploymentStatus | None:
            nonlocal shown
            status = read_status(kube)
            line = headline(status)
            spinner.update(line)
            # In a log one line for each step is enough, not one for each image.
            if (step := line.partition("%")[2].partition(",")[0] or line) != shown:
                shown = step
                console.print(f"  {line}", markup=False, highlight=False)
            refuse_stalled(status)
            return status

        wait_for(
            follow,
            lambda status: status is not None and is_true(status, "Ready"),
            seconds=READY_SECONDS,
            what=f"Ready of {NAME}",
            look=LOOK,
        )
    return f"{NAME} is Ready"


def refuse_stalled(status: ModelDeploymentStatus | None) -> None:
    """Stop at once when waiting cannot help.

    Raises:
        DemoError: With the condition's own words.
    """
    stalled = condition(status, "Stalled") if status else None
    if stalled is not None and stalled.status == "True":
        raise DemoError(f"{NAME} is Stalled, {stalled.reason}: {stalled.message}", LOOK)


def show_candidates(kube: Kube, console: Console) -> str:
    """The table of what was tried, and why each won or lost."""
    status = read_status(kube)
    if status is None or status.optimization is None or not status.optimization.candidates:
        raise DemoError("status.optimization.candidates is empty.", LOOK)
    console.print(candidates_table(status.optimization.candidates, manifest()))
    return f"{status.optimization.chosen} serves"
