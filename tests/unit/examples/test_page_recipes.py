"""The layouts: both sets vary, and share none."""

from page_orientation.recipes import CALIBRATION, EVALUATION


def test_calibration_and_evaluation_share_no_layout_under_any_name() -> None:
    layouts = [recipe.layout for recipe in (*CALIBRATION, *EVALUATION)]
    assert len(set(layouts)) == len(layouts) == 18


def test_a_page_is_named_by_its_recipe() -> None:
    names = [recipe.name for recipe in (*CALIBRATION, *EVALUATION)]
    assert len(set(names)) == len(names)


def test_both_sets_have_every_alignment_so_that_a_ragged_margin_tells_nothing() -> None:
    every = {"left", "centre", "right", "justified"}
    assert {recipe.align for recipe in CALIBRATION} == every
    assert {recipe.align for recipe in EVALUATION} == every


def test_evaluation_has_columns_a_table_and_a_title_page() -> None:
    assert {recipe.columns for recipe in EVALUATION} == {1, 2}
    blocks = {block for recipe in EVALUATION for block in recipe.blocks}
    assert {"table", "title", "list", "heading"} <= blocks
