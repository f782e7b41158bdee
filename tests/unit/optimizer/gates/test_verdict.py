"""The gate must not be fooled: by an average, by small samples, by answers that are none."""

import pytest

from tests.support.evidence import agreed, classified, raw
from trifocal.api.gate import Gate
from trifocal.optimizer.evidence import Evidence
from trifocal.optimizer.gates.verdict import missed, notes

LAYOUTS = ["left"] * 800 + ["centred"] * 150 + ["right"] * 50


def judged(candidate: Evidence, source: Evidence, **gate: object) -> tuple[str, ...]:
    return missed(candidate, source, Gate.model_validate(gate), "top1")


def test_the_source_passes_its_own_gate() -> None:
    source = classified([True] * 90 + [False] * 10, agreement=[agreed(1.0, 100)])

    assert judged(source, source) == ()


def test_model_that_reads_the_margin_fails_whatever_its_average() -> None:
    """Section 0 of what was measured: 100 % on the generator's pages, 0 to 6 % right-aligned."""
    source = classified([layout != "left" or n % 25 > 0 for n, layout in enumerate(LAYOUTS)],
                        slices=LAYOUTS)  # fmt: skip
    right_aligned = [agreed(0.04, 50, slice_name="right")]
    fooled = classified(
        [layout != "right" or n % 25 == 0 for n, layout in enumerate(LAYOUTS)],
        slices=LAYOUTS,
        agreement=[agreed(0.952, 1000), agreed(1.0, 800, slice_name="left"), *right_aligned],
    )
    assert fooled.metrics["top1"] == pytest.approx(0.952)
    assert source.metrics["top1"] == pytest.approx(0.968)

    found = judged(fooled, source, accuracy={"maxDrop": 0.02})

    assert found == (
        (
            "top1 on the slice 'right' (50 images) is 0.0400, 0.9600 below the source's 1.0000; "
            "the gate allows 0.05"
        ),
        (
            "it agrees with the source on 4.00% of the slice 'right' of the evaluation data (50 "
            "images); the gate asks for 95.00%"
        ),
    )


def test_average_that_even_rises_excuses_no_slice() -> None:
    slices = ["left"] * 180 + ["right"] * 20
    source = classified([n % 2 == 0 for n in range(180)] + [True] * 20, slices=slices)
    better = classified([True] * 180 + [False] * 20, slices=slices)

    assert better.metrics["top1"] > source.metrics["top1"] + 0.3
    assert "slice 'right' (20 images) is 0.0000" in judged(better, source)[0]


def test_class_that_is_lost_fails() -> None:
    truth = [0] * 980 + [1] * 20
    source = classified([True] * 1000, truth=truth)
    without_b = classified([True] * 980 + [False] * 20, truth=truth)

    assert judged(without_b, source, accuracy={"maxDrop": 0.03}) == (
        (
            "top1 on the class 'b' (20 images) is 0.0000, 1.0000 below the source's 1.0000; the "
            "gate allows 0.05"
        ),
    )


@pytest.mark.parametrize(("lost", "fails"), [(4, False), (5, True)])
def test_slice_fails_only_beyond_chance(lost: int, *, fails: bool) -> None:
    """One slice: 4 of 4 one-sided changes have probability 1/16 by chance, 5 of 5 have 1/32."""
    slices = ["rare"] * 10 + [None] * 990
    source = classified([True] * 1000, slices=slices)
    candidate = classified([n >= lost for n in range(1000)], slices=slices)

    assert bool(judged(candidate, source)) is fails
    sentences = [s for s in notes(candidate, source, Gate(), "top1") if "slice 'rare'" in s]
    assert bool(sentences) is not fails


def test_many_harmless_classes_fail_nobody() -> None:
    """Quantization flips answers both ways; of a thousand classes some lose by chance."""
    classes, each = 1000, 10
    truth = [label for label in range(classes) for _ in range(each)]
    labels = [str(label) for label in range(classes)]
    # One in ten answers is wrong, and other ones: 45 classes lose all five of their changes.
    source = classified(
        [not (label % 22 and n % 10 == 0) for n, label in enumerate(truth)],
        truth=truth,
        labels=labels,
    )
    candidate = classified(
        [not (label % 22 == 0 and n % 2 == 0) for n, label in enumerate(truth)],
        truth=truth,
        labels=labels,
    )

    assert judged(candidate, source) == ()


def test_drop_beyond_the_allowed_says_by_how_much() -> None:
    source = classified([True] * 90 + [False] * 10)
    candidate = classified([True] * 78 + [False] * 22)

    assert judged(candidate, source, accuracy={"maxDrop": 0.01, "maxSliceDrop": 0.5}) == (
        "top1 0.7800 is 0.1200 below the source's 0.9000; the gate allows 0.01",
    )


def test_drop_of_exactly_the_allowed_passes() -> None:
    """0.9 - 0.89 is a little more than 0.01 in floating point."""
    source = classified([True] * 90 + [False] * 10)

    assert judged(classified([True] * 89 + [False] * 11), source) == ()
    assert judged(classified([True] * 88 + [False] * 12), source, accuracy={"maxDrop": 0.019})


def test_minimum_counts_for_the_source_too() -> None:
    source = classified([True] * 78 + [False] * 22)

    assert judged(source, source, accuracy={"minimum": 0.8}) == (
        "top1 0.7800 is below the gate's minimum of 0.8",
    )


def test_other_metric_is_looked_at_if_the_gate_says_so() -> None:
    source, candidate = classified([True] * 100), classified([False] * 100)

    assert missed(candidate, source, Gate(), "top5") == ()


@pytest.mark.parametrize(
    ("share", "items", "fails"),
    [
        (0.0, 20, True),
        (0.0, 2, True),  # 0.05 ^ 2 = 0.0025 by chance
        (0.0, 1, False),  # 0.05 by chance: not less than 5 %
        (0.5, 2, False),
        (0.9, 20, False),  # two of twenty: 0.26 by chance
        (0.93, 1000, True),
        (0.945, 1000, False),
        (0.95, 1000, False),
    ],
)
def test_agreement_on_unlabelled_data(share: float, items: int, *, fails: bool) -> None:
    """Expected from binomial tables with a probability of 0.05 to disagree."""
    source = classified([True] * 10)
    candidate = classified([True] * 10, agreement=[agreed(share, items, dataset="unlabelled")])

    found = judged(candidate, source)
    assert bool(found) is fails
    if fails:
        assert "of the unlabelled data" in found[0]


def test_answers_that_are_no_numbers_fail_even_without_labels() -> None:
    source = classified([True] * 10, answers=raw(items=300, not_finite=1))
    candidate = classified([True] * 10, answers=raw(items=300, not_finite=3))

    assert judged(candidate, source) == (
        (
            "3 of 300 answers held NaN or infinity (the source: 1); numbers that grow too large "
            "for its precision are a usual cause"
        ),
    )
    assert judged(source, source) == ()


def test_constant_answers_fail() -> None:
    candidate = classified([True] * 10, answers=raw(constant=True))

    assert judged(candidate, classified([True] * 10)) == ("it answers all 100 images alike",)
    assert judged(candidate, candidate) == ()


def test_outputs_that_stop_at_the_calibration_maximum_are_noted() -> None:
    """The digits model of the measurements: outputs stop at 10.06, the source's reach 13.29."""
    source = classified([True] * 10, answers=raw(items=594, low=-9.0, high=13.29))
    clipped = classified([True] * 10, answers=raw(items=594, low=-9.0, high=10.06, at_high=41))

    assert (
        "its outputs never go above 10.06, where 41 of 594 answers stop, and the source's reach "
        "13.29: they are cut off at the range of the calibration data; calibrate on more varied "
        "images"
    ) in notes(clipped, source, Gate(), "top1")


def test_probabilities_that_reach_one_are_no_cut() -> None:
    both = classified([True] * 10, answers=raw(low=0.0, high=1.0, at_low=60, at_high=70))

    assert len(notes(both, both, Gate(), "top1")) == 1


def test_gain_inside_the_interval_is_no_gain() -> None:
    source = classified([True] * 113 + [False] * 7)
    better = classified([True] * 115 + [False] * 5)

    (sentence,) = notes(better, source, Gate(), "top1")
    assert sentence.startswith("top1 is not distinguishable from the source's (95 % interval -")
    assert sentence.endswith("points on 120 images)")


def test_loss_beyond_the_interval_is_named() -> None:
    source, worse = classified([True] * 200), classified([True] * 150 + [False] * 50)

    (sentence, *_) = notes(worse, source, Gate(), "top1")
    assert sentence.startswith("top1 is 25.0 points below the source's (95 % interval -31.")
