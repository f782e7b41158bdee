"""What is taken out of a support bundle: whatever may be a secret, by place and by form. Pure.

By place: every environment variable's value, every header of a probe, the arguments of containers
that are not Trifocal's, and labels and annotations of others. By form: credentials in URLs and
their whole queries (signatures stand there), and what stands behind a word such as password.
Secrets themselves are never read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from trifocal.kube.recorder import without_secrets
from trifocal.reconcile.served_specs import SERVED_SPECS_ANNOTATION
from trifocal.resources import optimization_job, serving_pod

REDACTED = "<redacted>"

_OUR_CONTAINERS = frozenset(
    {
        optimization_job.CONTAINER,
        serving_pod.TRITON_CONTAINER,
        serving_pod.FETCH_CONTAINER,
        serving_pod.FRONT_CONTAINER,
    }
)
_CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_WORDS_OF_A_PROGRAM = frozenset({"command", "args"})
_VALUES = frozenset({"env", "httpHeaders"})
"""Lists of names with values."""
_FREE_MAPS = frozenset({"volumeAttributes", "options"})
"""Maps for drivers, with whatever keys they like."""
_NOTED_ON_OBJECTS = frozenset({"labels", "annotations"})
_DROPPED = frozenset({"managedFields"})
"""Long, and of the same fields."""

_KNOWN_NOTES = re.compile(
    r"""(
      trifocal\.dev/.+ | app\.kubernetes\.io/.+ | ([a-z-]+\.)?kubernetes\.io/[a-zA-Z-]+
    | karpenter\.sh/.+ | nvidia\.com/.+ | pod-template-hash | job-name | controller-uid
    )""",
    re.VERBOSE,
)
"""Keys of labels and annotations whose values are Kubernetes' own words, or ours."""
_MANIFESTS = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", SERVED_SPECS_ANNOTATION}
)
"""Whole manifests as text or packed, with whatever they hold."""

_FORMS: Final = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    # A JSON Web Token, such as a ServiceAccount's: three parts, of which two are JSON.
    (re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*"), REDACTED),
    # AWS: identifiers of access keys (IAM User Guide, "Understanding unique ID prefixes").
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (
        re.compile(
            r"""(?P<name>[\w-]*(password|passwd|pwd|secret|token|credential|api[_-]?key|
            access[_-]?key|session[_-]?key|authorization|signature)[\w-]*["']?\s*[:=]\s*)
            ("[^"]*"|'[^']*'|[^\s,;&]+)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\g<name>{REDACTED}",
    ),
)


def redacted(value: Any) -> Any:
    """A manifest, or any JSON value, without what may be secret."""
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _field(key, each) for key, each in value.items() if key not in _DROPPED}
    return value


def scrubbed(text: str) -> str:
    """A text without credentials of a form that is known."""
    text = without_secrets(text)
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text


def _field(key: str, value: Any) -> Any:
    if key in _NOTED_ON_OBJECTS and isinstance(value, Mapping):
        return {name: _note(name, text) for name, text in value.items()}
    if key in _VALUES and isinstance(value, list):
        return [_without_value(each) for each in value]
    if key in _FREE_MAPS and isinstance(value, Mapping):
        return dict.fromkeys(value, REDACTED)
    if key in _CONTAINER_LISTS and isinstance(value, list):
        return [_container(each) for each in value]
    return redacted(value)


def _note(name: str, text: Any) -> Any:
    is_known = _KNOWN_NOTES.fullmatch(name) and name not in _MANIFESTS
    return redacted(text) if is_known else REDACTED


def _without_value(entry: Any) -> Any:
    cleaned = redacted(entry)
    return {**cleaned, "value": REDACTED} if "value" in cleaned else cleaned


def _container(container: Mapping[str, Any]) -> Any:
    cleaned = redacted(container)
    return cleaned if container.get("name") in _OUR_CONTAINERS else _without_words(cleaned)


def _without_words(value: Any) -> Any:
    """Without the words of a program, at any depth: probes and hooks have some too."""
    if isinstance(value, list):
        return [_without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: [REDACTED] if key in _WORDS_OF_A_PROGRAM else _without_words(each)
        for key, each in value.items()
    }
