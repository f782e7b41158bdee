"""An engine and a timing cache belong to one place: whatever changes there changes their keys."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import request
from trifocal.optimizer.recipe import Recipe
from trifocal.optimizer.runtimes.tensorrt.place import Device, Place
from trifocal.optimizer.search.keys import candidate_key

L4 = Device(product="NVIDIA L4", compute_capability="8.9", cuda=13)
PLACE = Place(library="tensorrt", version="11.2.1.2", platform="linux-x86_64", device=L4)
OTHERS: dict[str, Any] = {
    "library": replace(PLACE, library="tensorrt_rtx"),
    "version": replace(PLACE, version="11.2.1.3"),
    "platform": replace(PLACE, platform="linux-aarch64"),
    "no GPU": replace(PLACE, device=None),
    "product": replace(PLACE, device=replace(L4, product="NVIDIA L40S")),
    "compute capability": replace(PLACE, device=replace(L4, compute_capability="9.0")),
    "CUDA": replace(PLACE, device=replace(L4, cuda=12)),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_another_place_means_other_keys(other: Place, tmp_path: Path) -> None:
    assert other.timing_cache_key != PLACE.timing_cache_key
    asked = request(tmp_path)
    recipe = Recipe(runtime="tensorrt", precision="fp16")
    assert candidate_key(asked, recipe, str(other)) != candidate_key(asked, recipe, str(PLACE))


def test_the_same_place_means_the_same_key() -> None:
    again = Place(library="tensorrt", version="11.2.1.2", platform="linux-x86_64", device=L4)
    assert again.timing_cache_key == PLACE.timing_cache_key


def test_a_place_is_described_in_full() -> None:
    assert str(PLACE) == (
        "tensorrt 11.2.1.2 (NVIDIA L4, compute capability 8.9, CUDA 13, linux-x86_64)"
    )
    assert str(replace(PLACE, device=None)) == "tensorrt 11.2.1.2 (no GPU, linux-x86_64)"
