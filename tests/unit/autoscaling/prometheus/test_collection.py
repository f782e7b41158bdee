"""The cycle collector rests while many objects are made, and goes on as before."""

import gc

import pytest

from trifocal.autoscaling.prometheus.collection import uncollected


@uncollected()
def break_while_it_rests() -> None:
    assert not gc.isenabled()
    raise ValueError("broken")


def test_it_rests_and_goes_on_also_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="broken"):
        break_while_it_rests()
    assert gc.isenabled()


def test_within_another_it_does_not_go_on_too_early() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
