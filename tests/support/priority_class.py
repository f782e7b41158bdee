"""The PriorityClass of placeholders, as the chart installs it."""

import subprocess

from hack.cluster.build import build
from hack.cluster.paths import REPOSITORY, tools_dir
from tests.support.control_plane import ControlPlane

NAME = "trifocal-headroom"
_TEMPLATE = "templates/priorityclass.yaml"


def install(plane: ControlPlane) -> None:
    """Render it and apply it."""
    build(["helm"])
    chart = REPOSITORY / "charts" / "trifocal"
    rendered = subprocess.run(  # noqa: S603 - the test's own words
        [str(tools_dir() / "helm"), "template", "trifocal", str(chart), "--show-only", _TEMPLATE],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    plane.must("apply", "--server-side", "-f", "-", stdin=rendered.stdout)


def remove(plane: ControlPlane) -> None:
    """Delete it, if it is there. Pods keep the priority that they have."""
    plane.must("delete", "priorityclass", NAME, "--ignore-not-found")
