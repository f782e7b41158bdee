"""The example's manifest: valid as it lies there, and true about the model."""

import io
from pathlib import Path

import numpy as np
import pytest
from page_orientation.dataset import TURNS
from page_orientation.manifest import digests, with_digests
from page_orientation.model import MODEL_SHA256
from page_orientation.reference import tensor
from PIL import Image

from trifocal.cli.manifest_file import read_manifest_file
from trifocal.optimizer.preprocessing import image_reader

MANIFEST = Path(__file__).parents[3] / "examples" / "page-orientation" / "modeldeployment.yaml"
OTHER = "sha256:" + "ab" * 32


def test_manifest_is_valid() -> None:
    md = read_manifest_file(MANIFEST)
    assert md.spec.model.labels == tuple(str(turn) for turn in TURNS)
    assert md.spec.optimization.gate.accuracy.minimum == 0.95


def test_manifest_pins_the_model_of_the_wheel() -> None:
    assert read_manifest_file(MANIFEST).spec.model.source.digest == f"sha256:{MODEL_SHA256}"


def test_new_digests_change_nothing_else() -> None:
    text = MANIFEST.read_text()
    found = digests(text)
    assert set(found) == {"model.onnx", "calibration.tar", "evaluation.tar"}
    changed = with_digests(text, dict.fromkeys(found, OTHER))
    assert set(digests(changed).values()) == {OTHER}
    assert with_digests(changed, found) == text


@pytest.mark.parametrize("size", [(300, 420), (420, 300), (640, 640)])
def test_preprocessing_of_the_manifest_is_the_package_s_own(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Two independent ways from a file to the tensor: Trifocal's, and the example's."""
    noise = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG")
    (tmp_path / "page.jpg").write_bytes(out.getvalue())
    reader = image_reader(read_manifest_file(MANIFEST).spec.model)
    np.testing.assert_allclose(
        reader.read(tmp_path / "page.jpg"), tensor(out.getvalue())[0], atol=1e-6
    )
