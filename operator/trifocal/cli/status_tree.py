"""The chain from source to traffic as a tree: a pure function of the object and its children."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from trifocal.api import names
from trifocal.api.size import file_size
from trifocal.cli.by_target import by_target
from trifocal.cli.digests import short
from trifocal.reconcile.children import is_deleting, is_ready, name_of, replicas_of, revision_of
from trifocal.reconcile.pod_trouble import pod_trouble

Manifest = Mapping[str, Any]

_EARLIER = 3
"""Scaling changes that are shown besides the last one; status has ten."""
_VERDICT_STYLES = {"Chosen": "green", "Passed": "", "Lost": "yellow", "Failed": "red"}


class Progress(IntEnum):
    """How the object stands; the values are the command's exit codes."""

    READY = 0
    STALLED = 1
    WAITING = 2


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A ModelDeployment and its children, as JSON."""

    body: Manifest
    deployments: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    services: tuple[Manifest, ...] = ()

    @property
    def status(self) -> Manifest:
        """The stored status; empty before the operator has seen the object."""
        found: Manifest = self.body.get("status") or {}
        return found

    @property
    def is_unseen(self) -> bool:
        """The operator has not looked at the present spec yet."""
        generation = self.body["metadata"].get("generation")
        return bool(self.status.get("observedGeneration") != generation)

    def condition(self, kind: str) -> Manifest:
        """A condition; one that the operator has not set yet is Unknown."""
        found = (c for c in self.status.get("conditions") or () if c["type"] == kind)
        nothing = {"status": "Unknown", "reason": "", "message": ""}
        return next(found, nothing)


def progress(chain: Chain) -> Progress:
    """What the status says about the spec as it is now."""
    if chain.is_unseen:
        return Progress.WAITING
    if chain.condition("Ready")["status"] == "True":
        return Progress.READY
    stalled = chain.condition("Stalled")["status"] == "True"
    return Progress.STALLED if stalled else Progress.WAITING


def render(chain: Chain) -> Tree:
    """The whole chain, with what is waited for as its last line."""
    metadata = chain.body["metadata"]
    tree = Tree(
        f"[bold]{metadata['name']}[/] in namespace {metadata['namespace']}: {_verdict(chain)}"
    )
    _source(tree, chain)
    _optimization(tree, chain)
    for revision in _revisions(chain):
        _revision(tree, chain, revision)
    _products(tree, chain)
    _traffic(tree, chain)
    _scaling(tree, chain)
    _headroom(tree, chain)
    if (waits := _waits_for(chain)) is not None:
        tree.add(waits)
    return tree


def _verdict(chain: Chain) -> str:
    match progress(chain):
        case Progress.READY:
            return "[green]Ready[/]"
        case Progress.STALLED:
            return f"[red]Stalled ({chain.condition('Ready')['reason']})[/]"
        case _:
            return "[yellow]in progress[/]"


def _source(tree: Tree, chain: Chain) -> None:
    source = chain.body["spec"]["model"]["source"]
    tree.add(f"source {escape(source['uri'])} ({short(source['digest'])})")


def _optimization(tree: Tree, chain: Chain) -> None:
    optimization = chain.status.get("optimization") or {}
    condition = chain.condition("Optimized")
    step, percent = optimization.get("step"), optimization.get("progressPercent")
    if step is not None:
        branch = tree.add(f"optimization: {escape(step)}, {percent} %")
    elif optimization.get("chosen"):
        artifact = short(str(optimization.get("artifact")))
        branch = tree.add(f"optimization: {optimization['chosen']} was chosen ({artifact})")
    elif condition["status"] == "False":
        # The message is the tree's last line.
        branch = tree.add(f"optimization: [red]{condition['reason']}[/]")
    else:
        branch = tree.add(f"optimization: {escape(condition['message']) or 'not started'}")
    groups = by_target(optimization.get("candidates") or (), lambda c: str(c.get("target", "")))
    for target, candidates in groups.items():
        where = branch.add(target) if len(groups) > 1 else branch
        where.add(_candidates(candidates))
    if omitted := optimization.get("candidatesOmitted"):
        branch.add(f"{omitted} more in the store's report")
    for edge in optimization.get("edges") or ():
        branch.add(_edge(edge))
    for note in optimization.get("notes") or ():
        branch.add(f"note: {escape(note)}")


def _edge(edge: Manifest) -> str:
    figures = [f"{edge['accuracy']:.3f} accurate"] if "accuracy" in edge else []
    if "parity" in edge:
        figures.append(f"{100 * edge['parity']:.1f} % answered as the served model does")
    figures.append(file_size(edge["sizeBytes"]))
    digest = short(edge["artifact"])
    return f"for {edge['runtime']}: {edge['candidate']} ({digest}), {', '.join(figures)}"


def _candidates(candidates: Iterable[Manifest]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("candidate", "verdict"):
        table.add_column(title, no_wrap=True)
    for title in ("accuracy", "drop", "latency", "size"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for candidate in candidates:
        verdict = candidate["verdict"]
        style = _VERDICT_STYLES.get(verdict, "")
        table.add_row(
            candidate["name"],
            f"[{style}]{verdict}[/]" if style else verdict,
            *_figures(candidate),
            escape(candidate.get("reason", "")),
        )
    return table


def _figures(candidate: Manifest) -> Iterator[str]:
    for key, form in (
        ("accuracy", "{:.3f}"),
        ("accuracyDrop", "{:.3f}"),
        ("latencyMilliseconds", "{:.3g} ms"),
    ):
        value = candidate.get(key)
        yield "-" if value is None else form.format(value)
    size = candidate.get("sizeBytes")
    yield "-" if size is None else file_size(size)


def _headroom(tree: Tree, chain: Chain) -> None:
    """Only where places are to be kept free."""
    kept = chain.status.get("headroom")
    if kept is None:
        return
    branch = tree.add(f"headroom: {kept['readyReplicas']} of {kept['replicas']} places held")
    if message := kept.get("message"):
        branch.add(f"[yellow]{escape(message)}[/]")


def _revisions(chain: Chain) -> list[str]:
    """Serving first, then wanted, then what still drains."""
    stated = chain.status.get("revision") or {}
    found = (revision_of(deployment) for deployment in chain.deployments)
    ordered = (stated.get("serving"), stated.get("wanted"), *sorted(r for r in found if r))
    return list(dict.fromkeys(revision for revision in ordered if revision))


def _revision(tree: Tree, chain: Chain, revision: str) -> None:
    stated = chain.status.get("revision") or {}
    roles = [role for role in ("serving", "wanted") if stated.get(role) == revision]
    mine = [d for d in chain.deployments if revision_of(d) == revision]
    pods = [pod for pod in chain.pods if revision_of(pod) == revision]
    ready = sum(is_ready(pod) for pod in pods)
    # Of several GPU products the cheapest is asked for all pods, the others for what it lacks.
    asked = max(map(replicas_of, mine), default=0)
    what = " and ".join(roles) or "draining"
    branch = tree.add(f"revision {revision} ({what}): {ready} of {asked} pods ready")
    for pod in sorted(pods, key=name_of):
        branch.add(_pod(pod))


def _products(tree: Tree, chain: Chain) -> None:
    """Only where any of several GPU products will do."""
    found = chain.status.get("products") or ()
    branch = tree.add("products, the cheapest first") if found else tree
    for each in found:
        price = each.get("pricePerHour")
        cost = "" if price is None else f" ({price:g} an hour)"
        waits = each["waitingReplicas"]
        more = f", {waits} without a node" if waits else ""
        counted = f"{each['readyReplicas']} of {each['replicas']} pods ready{more}"
        leaf = branch.add(f"{escape(each['product'])}{cost}: {counted}")
        if message := each.get("message"):
            leaf.add(f"[yellow]{escape(message)}[/]")


def _pod(pod: Manifest) -> str:
    node = pod.get("spec", {}).get("nodeName")
    where = f"pod {name_of(pod)} on {node}" if node else f"pod {name_of(pod)}, no node yet"
    if is_deleting(pod):
        return f"{where}: stopping"
    if is_ready(pod):
        return f"{where}: [green]ready[/]"
    trouble = pod_trouble(pod, ())
    if trouble is None:
        return f"{where}: [yellow]starting[/]"
    return f"{where}: [red]{trouble.reason}[/] {escape(trouble.message)}"


def _traffic(tree: Tree, chain: Chain) -> None:
    endpoint = chain.status.get("endpoint")
    selected = next(
        (
            (service.get("spec", {}).get("selector") or {}).get(names.REVISION_LABEL)
            for service in chain.services
        ),
        None,
    )
    known = _revisions(chain)
    if endpoint is None or selected not in known:
        tree.add("traffic: none yet; it starts when a revision has given the recorded answers")
        return
    tree.add(f"traffic: {endpoint['http']} and grpc {endpoint['grpc']} to revision {selected}")


def _scaling(tree: Tree, chain: Chain) -> None:
    scaling = chain.status.get("scaling")
    if chain.body["spec"].get("scaling") is None:
        replicas = chain.body["spec"].get("replicas", 1)
        tree.add(f"scaling: spec.replicas asks for {replicas}")
        return
    if scaling is None:
        tree.add("scaling: no decision yet")
        return
    wanted = f"scaling: {scaling['desiredReplicas']} wanted ({scaling['reason']})"
    branch = tree.add(f"{wanted}: {escape(scaling['message'])}")
    if measured := ", ".join(_measured(scaling.get("inputs") or {})):
        branch.add(f"measured: {measured}")
    for change in scaling.get("changes", ())[1 : 1 + _EARLIER]:
        told = f"{change['time']}: {change['replicas']} ({change['reason']})"
        branch.add(f"before, {told}: {escape(change['message'])}")


def _measured(inputs: Manifest) -> Iterator[str]:
    forms = (
        ("requestsPerSecond", "{:g} requests/s"),
        ("serviceMilliseconds", "{:g} ms for each"),
        ("latencyMilliseconds", "latency {:g} ms"),
        ("modelledMilliseconds", "modelled {:g} ms"),
    )
    for key, form in forms:
        if (value := inputs.get(key)) is not None:
            yield form.format(value)


def _waits_for(chain: Chain) -> str | None:
    state = progress(chain)
    if state is Progress.READY:
        return None
    ready = chain.condition("Ready")
    if chain.status.get("observedGeneration") != chain.body["metadata"].get("generation"):
        return "[yellow]waits for[/] the operator, which has not looked at this spec yet"
    if state is Progress.STALLED:
        return f"[red]waits for you[/]: {escape(ready['message'])}"
    return f"[yellow]waits[/] ({ready['reason']}): {escape(ready['message'])}"
