"""How KWOK plays kubelets: as in benchmarks/reconcile, but that a Job can be held. Pure."""

import copy
import json

from benchmarks.reconcile import stages

from trifocal.api import names

HELD = "held"
"""A ModelDeployment of this name has optimizations that work until they are let go."""
LET_GO = "test.trifocal.dev/let-go"
"""The annotation that lets such a pod end its work."""


def documents() -> str:
    """The stages as the file that KWOK reads."""
    return "\n---\n".join(json.dumps(stage) for stage in _stages())


def _stages() -> list[stages.Stage]:
    ordinary, let_go = [], []
    for stage in copy.deepcopy(stages.stages()):
        if stage["metadata"]["name"] == "job-ends":
            let_go.append(_only(stage, "In", "held-job-ends", _exists(LET_GO)))
            stage = _only(stage, "NotIn", "job-ends")  # noqa: PLW2901 - the same, narrowed
        ordinary.append(stage)
    return ordinary + let_go


def _only(stage: stages.Stage, operator: str, name: str, *more: stages.Stage) -> stages.Stage:
    """The stage for pods of held models, or of others."""
    made = copy.deepcopy(stage)
    made["metadata"]["name"] = name
    made["spec"]["selector"]["matchExpressions"] += [
        {
            "key": f'.metadata.labels["{names.NAME_LABEL}"]',
            "operator": operator,
            "values": [HELD],
        },
        *more,
    ]
    return made


def _exists(annotation: str) -> stages.Stage:
    return {"key": f'.metadata.annotations["{annotation}"]', "operator": "Exists"}
