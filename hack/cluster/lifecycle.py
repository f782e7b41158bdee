"""Brings the cluster up, from nothing or from whatever is left of it."""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .access import ensure_access
from .api import Api
from .build import build
from .certs import ensure_certificates
from .cgroups import ensure_cgroup
from .components import Component, components
from .configfiles import write_configuration
from .errors import ClusterError
from .health import is_healthy
from .network import ensure_network
from .node import describe, ensure_node
from .paths import State, cache_dir
from .polling import becomes_true
from .preflight import CLUSTER_PACKAGES, check_machine, check_subnets, install_packages
from .processes import command_digest, recorded, start, stop
from .runtime import ensure_pause_image
from .storage import ensure_storage
from .versions import CLUSTER_TOOLS

_BARRIERS = {"containerd", "kube-apiserver"}  # what comes after them needs them ready


def up(state: State) -> None:
    """Make everything so that is not so already; a running cluster is left alone."""
    started = time.monotonic()
    check_machine(state)
    install_packages(CLUSTER_PACKAGES)
    build(CLUSTER_TOOLS)
    with exclusive(state):
        check_subnets()
        ensure_network(state)
        ensure_cgroup(state)
        ensure_certificates(state)
        write_configuration(state)
        _start_components(state)
        api = Api(state)
        ensure_access(api)
        ensure_pause_image(state)
        ensure_node(api)
        ensure_storage(state, api)
        _wait(state, components(state))
    say(f"cluster ready in {time.monotonic() - started:.1f} s; {describe(api)}")
    say(f"kubeconfig: {state.kubeconfig}  (eval $(python3 -m hack.cluster env))")


def status(state: State) -> bool:
    """Print each component's state; whether all of them are healthy."""
    good = True
    for component in components(state):
        record = recorded(state, component.name)
        healthy = record is not None and is_healthy(component, state.pki)
        shown = "stopped" if record is None else "healthy" if healthy else "not answering"
        print(f"{component.name:24} {shown:14} {f'pid {record.pid}' if record else ''}".rstrip())
        good = good and healthy
    if good:
        print(describe(Api(state)))
    return good


@contextmanager
def exclusive(state: State) -> Iterator[None]:
    """Two commands on one cluster: the second waits for the first."""
    # Not in the state folder: `down` deletes that, and a deleted lock locks nobody out.
    with lock(state.root.name):
        state.create()
        yield


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Held by one process of this machine at a time; a dead one holds none."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    """Progress, on standard error so that `env` can be evaluated."""
    print(line, file=sys.stderr, flush=True)


def _start_components(state: State) -> None:
    waiting: list[Component] = []
    for component in components(state):
        _ensure_running(state, component)
        waiting.append(component)
        if component.name in _BARRIERS:
            _wait(state, waiting)
            waiting = []


def _ensure_running(state: State, component: Component) -> None:
    """Start it if it does not run, or runs with another configuration than this one."""
    digest = command_digest(component.argv, component.files)
    record = recorded(state, component.name)
    if record is not None and record.digest == digest:
        return
    if record is not None:
        say(f"restarting {component.name}: its configuration changed")
        stop([record.pid])
    start(state, component.name, component.argv, digest)


def _wait(state: State, waited: list[Component]) -> None:
    for component in waited:

        def settled(component: Component = component) -> bool:
            return recorded(state, component.name) is None or is_healthy(component, state.pki)

        becomes_true(settled, 60)
        if recorded(state, component.name) is None or not is_healthy(component, state.pki):
            raise ClusterError(_last_words(state, component.name))


def _last_words(state: State, name: str) -> str:
    log = state.logs / f"{name}.log"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    return f"{name} is not healthy; {log} ends with:\n{tail}"
