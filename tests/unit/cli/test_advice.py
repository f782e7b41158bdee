"""What `trifocal explain` advises is what the README's table says."""

import re
from pathlib import Path

from tests.support.manifests import minimal
from trifocal.api.condition import USER_MUST_ACT
from trifocal.cli.explain.advice import ADVICE, what_to_do, where_to_look
from trifocal.cli.seen import seen_in

README = Path(__file__).parents[3] / "README.md"


def table() -> dict[str, str]:
    rows = README.read_text().partition("| reason | what to do |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1:3] for line in rows.splitlines() if line.count("|") > 2]
    return {name: told.strip() for first, told in cells for name in re.findall(r"`(\w+)`", first)}


def test_it_is_the_readmes_table_word_for_word() -> None:
    assert {reason.value: told for reason, told in ADVICE.items()} == table()


def test_whoever_must_act_is_told_how() -> None:
    assert set(ADVICE) >= USER_MUST_ACT


def test_a_reason_of_another_release_is_no_error() -> None:
    seen = seen_in({**minimal(), "metadata": {**minimal()["metadata"], "uid": "u"}}, {})
    assert what_to_do("FromTheFuture") is None
    assert where_to_look("FromTheFuture", seen) is None
