"""The chart has the dashboards that are described, and Grafana can tell their parts apart."""

import json
from pathlib import Path

import pytest

from hack.dashboards import BOARDS, Board, as_json

FOLDER = Path(__file__).parents[3] / "charts" / "trifocal" / "files" / "dashboards"

each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.uid)


@each_board
def test_the_committed_file_is_up_to_date(board: Board) -> None:
    """`make generate` writes it again."""
    assert (FOLDER / f"{board.uid}.json").read_text() == as_json(board)


def test_there_is_no_other_file() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {board.uid for board in BOARDS}


@each_board
def test_queries_of_a_panel_have_ids_of_their_own(board: Board) -> None:
    for panel in json.loads(as_json(board))["panels"]:
        ids = [target["refId"] for target in panel["targets"]]
        assert len(set(ids)) == len(ids)
        assert all(ids)


@each_board
def test_no_two_panels_lie_over_each_other(board: Board) -> None:
    places = [panel["gridPos"] for panel in json.loads(as_json(board))["panels"]]
    corners = {(place["x"], place["y"]) for place in places}
    assert len(corners) == len(places)
    assert all(place["x"] % 12 == 0 and place["y"] % 8 == 0 for place in places)
    assert all((place["w"], place["h"]) == (12, 8) for place in places)


@each_board
def test_the_data_source_is_what_the_reader_chooses(board: Board) -> None:
    """A dashboard that names one works in the Grafana that it was made in, and nowhere else."""
    made = json.loads(as_json(board))
    variables = {each["name"]: each for each in made["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert {panel["datasource"]["uid"] for panel in made["panels"]} == {"${datasource}"}
