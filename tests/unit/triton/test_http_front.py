"""The front's configuration; what nginx makes of it is tested with nginx."""

import re

import pytest

from trifocal.triton.arguments import MAX_CONNECTION_AGE_SECONDS
from trifocal.triton.http_front import http_front_config

CONFIG = http_front_config("page-1")
LOCATIONS = [re.compile(found) for found in re.findall(r"location ~ (\S+) \{", CONFIG)]


def is_served(path: str) -> bool:
    return any(location.search(path) for location in LOCATIONS)


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/page-1",
        "/v2/models/page-1/ready",
        "/v2/models/page-1/infer",
        "/v2/models/page-1/versions/1",
        "/v2/models/page-1/versions/1/ready",
        "/v2/models/page-1/versions/1/infer",
    ],
)
def test_health_metadata_and_inference_of_the_model_are_served(path: str) -> None:
    assert is_served(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2/",
        "/v2/models/page-1/config",
        "/v2/models/page-1/stats",
        "/v2/models/page-1/trace/setting",
        "/v2/models/page-1/generate",
        "/v2/models/page-2",
        "/v2/models/page-11/infer",
        "/v2/models/page-1/infer/",
        "/v2/models/stats",
        "/v2/repository/index",
        "/v2/repository/models/page-1/unload",
        "/v2/systemsharedmemory/region/x/register",
        "/v2/cudasharedmemory/status",
        "/v2/trace/setting",
        "/v2/logging",
        "/invocations",
    ],
)
def test_nothing_else_is(path: str) -> None:
    assert not is_served(path)


def test_connections_are_left_at_the_age_that_grpc_has_too() -> None:
    assert f"keepalive_time {MAX_CONNECTION_AGE_SECONDS}s;" in CONFIG


def test_braces_are_balanced() -> None:
    without_patterns = re.sub(r"location ~ \S+", "location", CONFIG)
    assert without_patterns.count("{") == without_patterns.count("}")
