"""Comments stand above the field that they are about, and change no value."""

import pytest
import yaml

from trifocal.cli.written import changed, commented


def test_a_comment_has_the_indentation_of_its_field() -> None:
    value = {"a": {"same": 1, "b": {"same": [1, 2]}}, "same": "x"}
    assert (
        commented(value, {("a", "b", "same"): ["why", "and how"], ("same",): ["last"]})
        == """\
a:
  same: 1
  b:
    # why
    # and how
    same:
    - 1
    - 2
# last
same: x
"""
    )


def test_values_with_lines_colons_and_hashes_are_left_as_they_are() -> None:
    value = {"a": "one\ntwo # no comment\n", "b": "same: 1", "c": "x" * 500, "d": "ä"}
    told = commented(value, {("b",): ["note"], ("c",): ["note"]})
    assert yaml.safe_load(told) == value
    assert told.count("# note\n") == 2


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        commented({"a": {"b": 1}}, {("a", "c"): ["note"]})


def test_a_change_makes_the_maps_on_its_way_and_leaves_the_original() -> None:
    value = {"a": {"b": 1}}
    assert changed(value, ("a", "c", "d"), 2) == {"a": {"b": 1, "c": {"d": 2}}}
    assert value == {"a": {"b": 1}}
