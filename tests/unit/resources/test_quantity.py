"""Quantities as the API server writes them back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trifocal.api.resources import ResourceList, ResourceRequirements
from trifocal.resources.quantity import amount, canonical, resource_requirements

# Pairs from apimachinery's own tests (quantity_test.go, TestQuantityString and
# TestQuantityParseEmit) and from `kubectl create --dry-run=server`.
SERVER = [
    ("0", "0"),
    ("0.0", "0"),
    ("1", "1"),
    ("100", "100"),
    ("1000", "1k"),
    ("1024", "1024"),
    ("1Ki", "1Ki"),
    ("1024Ki", "1Mi"),
    ("1024Mi", "1Gi"),
    ("2048Mi", "2Gi"),
    ("1.5Gi", "1536Mi"),
    ("0.5Mi", "512Ki"),
    ("1.5Ki", "1536"),
    ("1000Ki", "1000Ki"),
    ("0.5Ki", "512"),
    ("500m", "500m"),
    ("0.5", "500m"),
    ("2000m", "2"),
    ("1500m", "1500m"),
    ("2.5", "2500m"),
    ("0.1", "100m"),
    ("0.0001", "100u"),
    ("1000k", "1M"),
    ("1.5M", "1500k"),
    ("129e0".replace("e0", "M"), "129M"),
]


@pytest.mark.parametrize(("written", "stored"), SERVER)
def test_a_quantity_is_written_as_the_api_server_stores_it(written: str, stored: str) -> None:
    assert canonical(written) == stored


@pytest.mark.parametrize("stored", sorted({stored for _, stored in SERVER}))
def test_what_the_server_stores_stays_as_it_is(stored: str) -> None:
    assert canonical(stored) == stored


@given(
    number=st.integers(0, 10**6),
    suffix=st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
def test_canonical_form_keeps_the_amount_and_is_stable(number: int, suffix: str) -> None:
    written = f"{number}{suffix}"
    assert amount(canonical(written)) == amount(written)
    assert canonical(canonical(written)) == canonical(written)


@pytest.mark.parametrize(
    ("quantity", "expected"), [("500m", "0.5"), ("2", "2"), ("1Gi", "1073741824"), ("3k", "3000")]
)
def test_an_amount_is_a_plain_number(quantity: str, expected: str) -> None:
    assert amount(quantity) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1GB", "-1", "1e3"])
def test_what_is_no_quantity_is_named_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity; write for example 500m, 2 or 1Gi"):
        amount(text)


def test_a_limit_without_a_request_is_requested_as_the_server_does_it() -> None:
    resources = ResourceRequirements(
        requests=ResourceList(cpu="500m"), limits=ResourceList(cpu="2", memory="1024Mi")
    )
    assert resource_requirements(resources) == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1Gi"},
    }


def test_devices_are_requested_and_limited_alike() -> None:
    assert resource_requirements(ResourceRequirements(), {"nvidia.com/gpu": 2}) == {
        "requests": {"nvidia.com/gpu": "2"},
        "limits": {"nvidia.com/gpu": "2"},
    }


def test_nothing_asked_for_is_nothing_written() -> None:
    assert resource_requirements(ResourceRequirements()) == {}
