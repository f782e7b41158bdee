"""What a file is, by its content."""

import io
import pickle
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.tiny_models import colour_classifier
from trifocal.api.condition import Reason
from trifocal.api.model import Format
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.kind import check_kind, kind_of

SAFETENSORS = (2).to_bytes(8, "little") + b"{}"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return buffer.getvalue()


KINDS = {
    "safetensors": SAFETENSORS,
    "torch-exported": zipped("m/models/model.json", "m/data/weights/weight_0"),
    "torch-pickle": zipped("archive/data.pkl", "archive/data/0"),
    "torchscript": zipped("m/data.pkl", "m/constants.pkl", "m/code/__torch__.py"),
    "pickle": pickle.dumps({"weight": [1.0]}),
    "keras": zipped("metadata.json", "config.json", "model.weights.h5"),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "tflite": b"\x1c\x00\x00\x00TFL3" + bytes(20),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "page": b"\n<!DOCTYPE html><html>",
    "archive": zipped("images/1.png"),
    "nothing": b"",
    "unknown": b"something else",
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_told_by_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(KINDS[kind])

    assert kind_of(path) == kind


def test_onnx_is_told_by_its_first_fields(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(colour_classifier().SerializeToString())

    assert kind_of(path) == "onnx"


def test_saved_model_may_lie_in_one_folder_of_its_archive(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"")

    assert kind_of(tmp_path) == "saved-model"
    assert kind_of(tmp_path / "export") == "saved-model"


@pytest.mark.parametrize("kind", ["pickle", "torch-pickle", "torchscript"])
@pytest.mark.parametrize("wanted", ["torch-weights", "torch-exported", "onnx", "keras"])
def test_pickles_are_never_opened(tmp_path: Path, kind: str, wanted: Format) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(KINDS[kind])

    with pytest.raises(RefusedError, match=r"safetensors\.torch\.save_model") as error:
        check_kind(path, wanted)
    assert error.value.reason is Reason.MODEL_INVALID


def test_another_format_is_named_with_the_field_to_set(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(SAFETENSORS)

    with pytest.raises(RefusedError) as error:
        check_kind(path, "onnx")
    assert str(error.value) == (
        "spec.model.format is onnx, but the source is safetensors weights; set "
        "spec.model.format to torch-weights."
    )


def test_page_of_a_proxy_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(KINDS["page"])

    with pytest.raises(RefusedError, match="is a web page, such as a login"):
        check_kind(path, "torch-weights")
