"""A rule says the same on a laptop as through the API server."""

import re
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from trifocal.api.manifest import InvalidSpec, parse_file
from trifocal.api.rule import Rule, broken_rules, pattern_rule
from trifocal.api.schema import ApiModel

INVALID = Path(__file__).parents[2] / "integration" / "api" / "invalid"
CASES = sorted(path.stem for path in INVALID.glob("*.yaml"))
UNREADABLE = re.compile(
    r"some validation rules were not checked|Duplicate value|in body|strict|Too"
)
"""The server's words about types and bounds, which are its own and not a rule's."""


@pytest.mark.parametrize("case", CASES)
def test_a_laptop_refuses_what_the_api_server_refuses(case: str) -> None:
    with pytest.raises(InvalidSpec):
        parse_file(yaml.safe_load((INVALID / f"{case}.yaml").read_text()))


@pytest.mark.parametrize(
    "case", [c for c in CASES if not UNREADABLE.search((INVALID / f"{c}.txt").read_text())]
)
def test_a_broken_rule_is_told_in_the_same_words(case: str) -> None:
    told = (INVALID / f"{case}.txt").read_text().strip()
    with pytest.raises(InvalidSpec) as caught:
        parse_file(yaml.safe_load((INVALID / f"{case}.yaml").read_text()))
    (problem,) = caught.value.problems
    path, _, words = told.partition(" is invalid: ")[2].partition(": ")
    kind, _, sentence = words.partition(": ")
    assert kind in {"Invalid value", "Required value", "Forbidden"}
    value = re.match(r'("[^"]*"|\d+): must', sentence)
    assert problem.path == path.replace("<nil>", "metadata.name")
    assert problem.message == (sentence.replace(": must", " must", 1) if value else sentence)


class Range(ApiModel):
    lowest: int = 1
    highest_value: float = 2.0
    word: str = 'say "%"'

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.lowest <= self.highestValue",
            holds=lambda it: it.lowest <= it.highest_value,
            says="100 % of {word}: {lowest} is above {highestValue}.",
            at=".lowest",
        ),
    )


class Ranges(ApiModel):
    all: tuple[Range, ...]


def test_values_in_a_message_become_a_cel_expression() -> None:
    (rule,) = Range.rules
    assert rule.validation() == {
        "rule": "self.lowest <= self.highestValue",
        "messageExpression": '"100 %% of %s: %s is above %s."'
        ".format([self.word, self.lowest, self.highestValue])",
        "fieldPath": ".lowest",
    }


def test_a_message_without_values_stays_a_message() -> None:
    assert pattern_rule("[a-z]+", "must be a word.").validation() == {
        "rule": "self.matches(r'^([a-z]+)$')",
        "message": "must be a word.",
    }


def test_rules_are_found_at_any_depth_and_say_where() -> None:
    ranges = Ranges(all=(Range(), Range(lowest=9, highest_value=3.0)))
    (problem,) = broken_rules(ranges, "spec")
    assert str(problem) == 'spec.all[1].lowest: 100 % of say "%": 9 is above 3.'


def test_a_pattern_holds_for_the_whole_string_and_not_its_first_line() -> None:
    rule = pattern_rule("[a-z]+", "must be a word.")
    assert rule.holds("word")
    assert not rule.holds("word\n")
    assert not rule.holds("two words")
