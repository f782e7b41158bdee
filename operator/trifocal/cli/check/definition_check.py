"""The check of the CRD: that it is there, with the fields of this release. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from trifocal import __version__
from trifocal.api.crd import crd
from trifocal.api.schema import VERSION
from trifocal.cli.check.checks import Check, Verdict
from trifocal.kube.client import Manifest
from trifocal.reconcile.children import has_condition, name_of

_MAX_FIELDS = 3
"""Fields by which two CRDs differ that are named."""


def left_over(live: Manifest | None) -> Iterator[Check]:
    """Before an installation: what another one has left."""
    if live is not None:
        yield Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{name_of(live)} is there already",
            to_do="Another installation has it, or has left it: `helm install` takes it over if "
            "its release has the same name and namespace, or with --take-ownership.",
        )


def definition(live: Manifest | None, *, readable: bool) -> Check:
    """Whether the CRD is there and of this release; None where there is none, or it is unseen."""
    if not readable:
        return Check(name="CRD", verdict=Verdict.WARN, found="you may not read it")
    if live is None:
        return Check(
            name="CRD",
            verdict=Verdict.FAIL,
            found="there is none",
            to_do="Install the chart, or `trifocal crd | kubectl apply --server-side -f -`.",
        )
    if not has_condition(live, "Established"):
        return Check(
            name="CRD",
            verdict=Verdict.FAIL,
            found="it is not established",
            to_do=f"See `kubectl describe crd {name_of(live)}`.",
        )
    return _schema(live)


def _schema(live: Manifest) -> Check:
    """Whether the fields are those of this release."""
    ours, theirs = _fields_of(crd()), _fields_of(live)
    missing, more = sorted(ours - theirs), sorted(theirs - ours)
    if missing:
        return Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{VERSION} of an older release: it lacks {_some(missing)}",
            to_do="Upgrade the chart; with crds.install=false, `trifocal crd | kubectl apply "
            "--server-side -f -`.",
        )
    if more:
        return Check(
            name="CRD",
            verdict=Verdict.WARN,
            found=f"{VERSION} of a newer release: it has {_some(more)}",
            to_do=f"This program is {__version__}; use the operator's release.",
        )
    return Check(
        name="CRD", verdict=Verdict.OK, found=f"{VERSION}, with the fields of this release"
    )


def _some(fields: list[str]) -> str:
    rest = f" and {len(fields) - _MAX_FIELDS} more" if len(fields) > _MAX_FIELDS else ""
    return ", ".join(fields[:_MAX_FIELDS]) + rest


def _fields_of(definition: Mapping[str, Any]) -> set[str]:
    versions = {v["name"]: v for v in definition["spec"]["versions"] if v.get("served", True)}
    if VERSION not in versions:
        return set()
    schema = versions[VERSION]["schema"]["openAPIV3Schema"]
    return set(_fields(schema, "")) - {"apiVersion", "kind"}


def _fields(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    """Paths of all fields; an item of a list has its list's path and []."""
    if "items" in schema:
        yield from _fields(schema["items"], f"{at}[]")
    for name, inner in (schema.get("properties") or {}).items():
        path = f"{at}.{name}" if at else str(name)
        yield path
        yield from _fields(inner, path)
