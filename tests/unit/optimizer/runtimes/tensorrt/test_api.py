"""What the optimizer uses of TensorRT exists in the versions that it is meant for."""

import json
from pathlib import Path
from typing import Any

import pytest

from hack.tensorrt_api import missing

VERSIONS = ("10.13.3.9", "11.2.1.2", "11.4.0.106")


def recorded(version: str) -> dict[str, Any]:
    path = Path(__file__).parent / "data" / f"tensorrt-{version}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("version", VERSIONS)
def test_every_member_and_argument_is_there(version: str) -> None:
    content = recorded(version)
    assert content["version"] == version
    assert list(missing(content["surface"])) == []


def test_a_member_that_was_removed_is_noticed() -> None:
    surface = recorded("11.2.1.2")["surface"]
    del surface["IBuilderConfig.set_timing_cache"]
    assert list(missing(surface)) == ["IBuilderConfig.set_timing_cache is missing"]


def test_an_argument_that_was_renamed_is_noticed() -> None:
    surface = recorded("11.2.1.2")["surface"]
    surface["IBuilderConfig.set_timing_cache"] = [
        "set_timing_cache(self: IBuilderConfig, cache: ITimingCache, lenient: bool) -> bool"
    ]
    assert [line.partition(" takes ")[0] for line in missing(surface)] == [
        "IBuilderConfig.set_timing_cache"
    ]
