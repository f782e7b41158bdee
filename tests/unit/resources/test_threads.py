"""Threads of one inference: whole cores, shared out over the instances."""

from typing import Any

import pytest

from trifocal.api.serving import ServingSpec
from trifocal.resources.threads import threads_per_instance


@pytest.mark.parametrize(
    ("resources", "instances", "threads"),
    [
        ({}, 1, 1),
        ({}, 4, 1),
        ({"limits": {"cpu": "4"}}, 1, 4),
        ({"limits": {"cpu": "4"}}, 2, 2),
        ({"limits": {"cpu": "4"}}, 3, 1),
        ({"limits": {"cpu": "2500m"}}, 1, 2),
        ({"limits": {"cpu": "500m"}}, 1, 1),
        ({"requests": {"cpu": "3"}}, 1, 3),
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}, 1, 2),
        ({"requests": {"cpu": "3"}, "limits": {"memory": "1Gi"}}, 1, 3),
        ({"limits": {"cpu": "1000"}}, 1, 256),
    ],
)
def test_threads(resources: dict[str, Any], instances: int, threads: int) -> None:
    serving = ServingSpec.model_validate({"resources": resources, "instances": instances})
    assert threads_per_instance(serving) == threads
