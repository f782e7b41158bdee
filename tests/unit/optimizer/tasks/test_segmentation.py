"""Mean IoU against hand arithmetic; masks that are none are named."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.vision_models import vision_model
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.dataset import Item
from trifocal.optimizer.tasks.segmentation import Mask, Segmentation

PATHS = [Path("a.png")]


def saved(path: Path, pixels: list[list[int]] | NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(pixels, np.uint8)).save(path)
    return path


def segmentation(labels: str = "abc", layout: str = "NCHW") -> Segmentation:
    return Segmentation(vision_model("segmentation", labels, size=(2, 4), layout=layout))


def one_hot(mask: list[list[int]], classes: int) -> NDArray[np.float32]:
    """[1, classes, height, width]."""
    scores = np.eye(classes, dtype=np.float32)[np.array(mask)]
    return np.ascontiguousarray(scores.transpose(2, 0, 1)[None])


def test_mean_iou_by_hand(tmp_path: Path) -> None:
    """a: 2 right, 3 true, 2 answered: 2/3. b: 3 right, 3 true, 4 answered: 3/4. c is absent."""
    task = segmentation()
    truth = saved(tmp_path / "mask.png", [[0, 0, 0, 255], [1, 1, 1, 255]])
    answers = task.decode(one_hot([[0, 0, 1, 2], [1, 1, 1, 2]], 3), PATHS)

    found = task.tally(answers, [Item(path=PATHS[0], truth=truth)])

    assert found.measure("miou") == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert found.measure("miou", label=1) == pytest.approx(3 / 4)
    assert np.isnan(found.measure("miou", label=2))


def test_channels_may_come_last(tmp_path: Path) -> None:
    first, last = segmentation(), segmentation(layout="NHWC")
    scores = one_hot([[0, 0, 1, 2], [1, 1, 1, 2]], 3)

    (one,), (other,) = (
        first.decode(scores, PATHS),
        last.decode(scores.transpose(0, 2, 3, 1), PATHS),
    )

    assert one == other
    assert tmp_path.exists()


def test_one_channel_is_the_probability_of_the_second_class() -> None:
    scores = np.array([[[[0.1, 0.5, 0.6, 1.0]] * 2]], np.float32)

    (mask,) = segmentation("ab").decode(scores, PATHS)

    assert mask.pixels().tolist() == [[0, 0, 1, 1]] * 2


def test_small_outputs_are_enlarged() -> None:
    (mask,) = segmentation().decode(one_hot([[0, 2]], 3), PATHS)

    assert mask.pixels().tolist() == [[0, 0, 2, 2]] * 2


def test_pixels_that_are_no_numbers_are_wrong(tmp_path: Path) -> None:
    task = segmentation()
    truth = saved(tmp_path / "mask.png", [[0, 0, 0, 0]] * 2)
    scores = one_hot([[0, 0, 0, 0]] * 2, 3)
    scores[0, 1, :, 0] = np.nan

    (mask,) = task.decode(scores, PATHS)

    assert task.tally([mask], [Item(path=PATHS[0], truth=truth)]).measure("miou") == 0.75
    assert task.agreement(mask, mask) == 1


def test_agreement_is_the_mean_iou_of_two_masks() -> None:
    one, other = (Mask.of(np.array([row], np.uint8)) for row in ([0, 0, 0, 1], [0, 0, 1, 1]))

    # 0: 2 of 3; 1: 1 of 2.
    assert segmentation().agreement(one, other) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert segmentation().agreement(other, one) == segmentation().agreement(one, other)


def rows(folder: Path, mask: list[list[int]]) -> Path:
    saved(folder / "a.png", [[7, 7], [7, 7]])
    saved(folder / "masks/a.png", mask)
    (folder / "labels.csv").write_text("file,mask,slice\na.png,masks/a.png,night\n")
    return folder


def test_rows_become_items(tmp_path: Path) -> None:
    (item,) = segmentation().items(rows(tmp_path, [[0, 1], [2, 255]]))

    assert item == Item(path=tmp_path / "a.png", truth=tmp_path / "masks/a.png", slice="night")


def test_mask_of_another_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"a\.png has 3 x 1 pixels and its image a\.png 2 x 2"):
        segmentation().items(rows(tmp_path, [[0, 1, 2]]))


def test_class_without_a_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"holds the class 3, and spec\.model\.labels has 3"):
        segmentation().items(rows(tmp_path, [[0, 1], [3, 2]]))


def test_mask_in_colour_is_named(tmp_path: Path) -> None:
    rows(tmp_path, [[0, 1], [1, 0]])
    saved(tmp_path / "masks/a.png", np.zeros((2, 2, 3), np.uint8))

    with pytest.raises(RefusedError, match="has the mode RGB"):
        segmentation().items(tmp_path)


def test_palette_is_only_for_show(tmp_path: Path) -> None:
    rows(tmp_path, [[0, 1], [1, 0]])
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8)).convert("L")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "masks/a.png")

    assert len(segmentation().items(tmp_path)) == 1


def test_damaged_mask_is_named(tmp_path: Path) -> None:
    rows(tmp_path, [[0, 1], [1, 0]])
    whole = (tmp_path / "masks/a.png").read_bytes()
    (tmp_path / "masks/a.png").write_bytes(whole[:45])

    with pytest.raises(RefusedError, match=r"The mask a\.png is"):
        segmentation().items(tmp_path)


@pytest.mark.parametrize("shape", [(1, 3), (1, 4, 2, 4), (1, 1, 2, 4)])
def test_output_that_is_no_segmentation_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(RefusedError, match="a segmentation with 3 labels has"):
        segmentation().check_answer("y", shape)
