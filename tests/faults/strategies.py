"""What hypothesis draws: sequences of steps in which users, others and misfortune take turns."""

import json

from hypothesis import strategies as st

from tests.faults.controllers import OUTCOMES
from tests.faults.steps import Step

Steps = tuple[Step, ...]

_DIGESTS = ['"sha256:' + 64 * letter + '"' for letter in "abc"]
_FIELDS = {
    "replicas": ["1", "2", "3", "0"],
    "serving.instances": ["1", "2"],
    "model.source.digest": _DIGESTS,
    "model.source.claimName": ['"models"', '"nowhere"'],
    "optimization.gate.accuracy.maxDrop": ["0.01", "0.02"],
    "optimization.job.deadlineSeconds": ["600", "900"],
    "artifacts.uri": ['"file:///artifacts"', '"file:///artifacts/two"'],
    "serving.accelerator": [
        json.dumps(accelerator, separators=(",", ":"))
        for accelerator in (
            {"product": "NVIDIA-L4"},
            {"products": ["NVIDIA-L4"]},
            {"products": ["NVIDIA-L4", "Tesla-T4"]},
            {"products": ["Tesla-T4", "NVIDIA-A10G"]},
        )
    ],
    "suspend": ["true", "false"],
    "scaling": [
        json.dumps(
            {
                "minReplicas": pods,
                "maxReplicas": pods,
                "objective": {"latency": {"maxMilliseconds": 50}},
            }
        )
        for pods in (2, 3)
    ],
}
"""Values that the schema accepts; `nowhere` is a claim that does not exist. No Triton answers the
scaler, which then keeps what runs: only a range of one number leads to one end."""
_INVALID = [
    "replicas=-1",
    'model.task="nonsense"',
    'model.source.digest="sha256:short"',
    "serving.instances=0",
]
_PLURALS = ["", "modeldeployments", "deployments", "pods", "services", "jobs", "configmaps"]
_STATUSES = ["409", "422", "429", "500"]
_OUTAGES = ["401", "403", "500", "reset", "slow"]


def _step(do: str, args: list[str]) -> st.SearchStrategy[Step]:
    return st.sampled_from([Step(do, arg) for arg in args])


_edits = st.sampled_from(
    [Step("edit", f"{field}={value}") for field, values in _FIELDS.items() for value in values]
)
_numbers = [str(n) for n in range(1, 7)]

users = st.one_of(
    _edits,
    _step("scale", ["1", "2", "3"]),
    _step("again", [""]),
    _step("revert", [""]),
    _step("invalid", _INVALID),
    _step("recreate", [""]),
)
others = st.one_of(
    _step("drift", ["budget", "replicas", "port", "service", "policy", "job", "pods"]),
    _step("outcome", list(OUTCOMES)),
    _step("lose-node", [""]),
)
misfortune = st.one_of(
    _step("kill-before", _numbers),
    _step("kill-after", _numbers),
    _step("lose-answer", _numbers),
    _step("refuse", _STATUSES),
    _step("outage", _OUTAGES),
    _step("hold", _PLURALS),
    _step("release", [""]),
    _step("close", _PLURALS),
    _step("garble", _PLURALS),
    _step("expire", _PLURALS),
    _step("expire-at-connect", _PLURALS),
    _step("gap", ["service", "deployment", "pods"]),
    _step("kill", [""]),
    _step("travel-in-time", [""]),
    _step("rotate-token", [""]),
    _step("second-operator", [""]),
    _step("steal-lease", [""]),
    _step("set-clock", ["3600", "-3600", "30"]),
)
time_passes = _step("wait", ["1", "2", "4"])

histories: st.SearchStrategy[Steps] = st.lists(
    st.one_of(users, time_passes, misfortune, others), min_size=4, max_size=10
).map(tuple)
"""What happens after the first apply; each sequence ends in `Run.finish`."""
