"""Liveness: a blocked event loop, a stuck queue and a stuck watch, each caused and each known."""

import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hack.cluster.polling import becomes_true
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_process import OperatorProcess, operator
from tests.support.tenant import Tenant
from trifocal.kube.resync import LAG_SECONDS, SETTLE_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SILENT_STREAM_SECONDS = 70
"""After which kopf opens a stream anew that brings nothing: a bookmark comes every minute."""
SWEPT_SECONDS = SETTLE_SECONDS + LAG_SECONDS + 5
"""After which the sweep that follows the first list is over: it would see what no watch tells."""
DEAD_SECONDS = 180
"""After which liveness takes a watch for dead that is neither heard nor tried."""
MARGIN_SECONDS = 40
"""For a busy machine."""


class Defective(OperatorProcess):
    """An operator with one of the defects."""

    module = "tests.integration.operator.defects"

    def health(self) -> str:
        """The liveness probe's status and words; nothing when it does not answer in time."""
        url = f"http://127.0.0.1:{self.probes_port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return f"{answer.status} {answer.read().decode()}"
        except urllib.error.HTTPError as error:
            with error:
                return f"{error.code} {error.read().decode()}"
        except OSError:
            return ""


@contextmanager
def operator_with(defect: str, kubeconfig: Path) -> Iterator[Defective]:
    with tempfile.TemporaryDirectory(prefix="trifocal-operator-") as folder:
        running = Defective(kubeconfig, "operator-a", Path(folder), defect=defect)
        try:
            assert becomes_true(running.leads, 90), running.log()
            assert running.health().startswith("200 ")
            yield running
        finally:
            running.kill()


def test_a_blocked_event_loop_is_said_by_a_probe_that_it_does_not_block(
    plane: ControlPlane,
) -> None:
    with operator_with("blocked_loop", plane.kubeconfig) as blocked:
        blocked.signal(signal.SIGUSR1)
        assert becomes_true(
            lambda: blocked.health().startswith("503 The event loop has not turned for"),
            MARGIN_SECONDS,
        ), blocked.health()
        assert blocked.probe("/readyz") == 503


def test_a_pass_that_never_ends_fails_liveness_with_its_object(
    plane: ControlPlane, tenant: Tenant
) -> None:
    with operator_with("endless_pass", plane.kubeconfig) as stuck:
        tenant.deploy()
        expected = f"503 A pass over {tenant.namespace}/digits has not ended for"
        assert becomes_true(lambda: stuck.health().startswith(expected), MARGIN_SECONDS), (
            stuck.health()
        )


def test_a_watch_that_is_not_kept_any_more_fails_liveness_with_its_kind(
    plane: ControlPlane,
) -> None:
    with operator_with("stuck_watcher", plane.kubeconfig) as stuck:
        expected = "503 Not watched any more: Job."
        assert becomes_true(
            lambda: stuck.health().startswith(expected), DEAD_SECONDS + MARGIN_SECONDS
        ), stuck.health()


def test_a_stream_that_silently_brings_nothing_is_opened_anew(
    tenant: Tenant, proxy: FaultProxy, tmp_path: Path
) -> None:
    with operator(proxy.kubeconfig(tmp_path)) as leader:
        leader.wait_until_leading()
        assert becomes_true(lambda: proxy.is_watched("modeldeployments"), 30)
        time.sleep(SWEPT_SECONDS)
        proxy.hold_watches("modeldeployments")
        tenant.deploy()
        assert not becomes_true(lambda: tenant.children() != set(), 10)
        # Only the streams that are open now stay silent: what is opened later is not held.
        proxy.hold_watches("none-of-these")
        assert tenant.eventually(
            lambda: tenant.reports("Optimized", "Optimizing"),
            SILENT_STREAM_SECONDS + MARGIN_SECONDS,
        ), leader.log()
        assert leader.probe("/healthz") == 200
        leader.terminate()
