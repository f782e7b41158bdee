"""Load from inside the cluster until replicas are added, then none until they are taken away."""

import json
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from hack.demo.deployment import LOOK, manifest, read_status, refuse_stalled
from hack.demo.kube import NAME, NAMESPACE, Kube
from hack.demo.pod import PodPlan, running_pod
from hack.demo.problem import DemoError
from hack.demo.program import ROOT
from hack.demo.waiting import wait_for
from trifocal.api.status import ModelDeploymentStatus
from trifocal.triton.arguments import HTTP_PORT

CODE = "demo-load"
CONNECTIONS = 12
"""Requests back to back, so that one replica is saturated however fast the machine is."""
LOAD_SECONDS = 900
"""The load ends by itself if the demo cannot end it."""
UP_SECONDS = 240
DOWN_SECONDS = 300
SETTLE_SECONDS = 10
"""Load on the larger number of replicas before it ends."""
SAY_SECONDS = 10


def surge(kube: Kube, console: Console) -> str:
    """Up under load, with no failed request."""
    kube.apply(_code())
    least = _minimum()
    with running_pod(kube, _plan()) as pod:
        settled = _Narration(console)
        wait_for(
            lambda: settled.say(read_status(kube)),
            lambda s: s is not None and (s.ready_replicas or 0) > least,
            seconds=UP_SECONDS,
            what="A second ready replica",
            look=LOOK,
        )
        until = time.monotonic() + SETTLE_SECONDS
        wait_for(
            lambda: settled.say(read_status(kube)),
            lambda _: time.monotonic() > until,
            seconds=SETTLE_SECONDS * 2,
            what="The end of the load",
            look=LOOK,
        )
        report = _ended(kube, pod)
    if report["failed"] or not report["answered"]:
        raise DemoError(
            f"{report['failed']} requests failed and {report['answered']} were answered while "
            f"replicas were added.",
            f"kubectl -n {NAMESPACE} get events",
        )
    return (
        f"{report['answered']} requests, none failed, {report['answersPerSecond']} per second; at "
        f"the client p50 {report['p50']} ms, p99 {report['p99']} ms"
    )


def calm(kube: Kube, console: Console) -> str:
    """Down again once the load is over."""
    least = _minimum()
    narration = _Narration(console)

    def is_down(status: ModelDeploymentStatus | None) -> bool:
        return status is not None and (status.replicas, status.ready_replicas) == (least, least)

    wait_for(
        lambda: narration.say(read_status(kube)),
        is_down,
        seconds=DOWN_SECONDS,
        what=f"Scaling down to {least}",
        look=LOOK,
    )
    return f"back to {least}"


class _Narration:
    """Says the number of replicas when it changes, and now and then why it is what it is."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._began = now()
        self._said_at = -float(SAY_SECONDS)
        self._numbers: tuple[int | None, ...] = ()

    def say(self, status: ModelDeploymentStatus | None) -> ModelDeploymentStatus | None:
        """Print a line if there is something new; gives back the status."""
        refuse_stalled(status)
        if status is None or status.scaling is None:
            return status
        numbers = (status.ready_replicas, status.replicas, status.scaling.desired_replicas)
        elapsed = self._now() - self._began
        if numbers != self._numbers or elapsed - self._said_at >= SAY_SECONDS:
            self._numbers, self._said_at = numbers, elapsed
            ready, have, want = (0 if number is None else number for number in numbers)
            self._console.print(
                f"  {elapsed:4.0f} s  {ready} of {have} ready, {want} wanted  "
                f"{status.scaling.message}",
                highlight=False,
                markup=False,
            )
        return status


def _minimum() -> int:
    scaling = manifest().spec.scaling
    if scaling is None:
        raise DemoError("The example's manifest has no spec.scaling.")
    return scaling.min_replicas


def _code() -> dict[str, Any]:
    files = sorted((ROOT / "hack" / "load").glob("*.py"))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CODE, "namespace": NAMESPACE},
        "data": {path.name: path.read_text(encoding="utf-8") for path in files},
    }


def _plan() -> PodPlan:
    source = manifest().spec.model.inputs[0]
    return PodPlan(
        name=CODE,
        command=(
            *("python", "-m", "hack.load", "--json"),
            *("--url", f"{NAME}.{NAMESPACE}.svc:{HTTP_PORT}", "--model", NAME),
            *("--input", source.name, "--shape", ",".join(str(size) for size in source.shape)),
            *("--connections", str(CONNECTIONS), "--seconds", str(LOAD_SECONDS)),
        ),
        volume={"configMap": {"name": CODE}},
        mount="/load/hack/load",
        environment={"PYTHONPATH": "/load", "OPENBLAS_NUM_THREADS": "1"},
        cpu_limit="700m",
    )


def _ended(kube: Kube, pod: str) -> dict[str, Any]:
    """The load's own last line, after it was asked to end."""
    kube.kubectl("exec", pod, "--", "sh", "-c", "kill -TERM 1")
    wait_for(
        lambda: kube.get("pod", pod)["status"]["phase"],
        lambda phase: phase in {"Succeeded", "Failed"},
        seconds=60,
        what="The end of the load's pod",
        look=f"kubectl -n {NAMESPACE} logs {pod}",
    )
    lines = [line for line in kube.kubectl("logs", pod).splitlines() if line.startswith("{")]
    if not lines:
        raise DemoError("The load printed no report.", f"kubectl -n {NAMESPACE} logs {pod}")
    report: dict[str, Any] = json.loads(lines[-1])
    return report
