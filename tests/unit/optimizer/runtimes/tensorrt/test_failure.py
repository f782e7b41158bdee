"""What a user reads when TensorRT gives no engine. Messages are copied from public issues."""

import re
from pathlib import Path

import pytest

from trifocal.optimizer.runtimes.tensorrt.failure import (
    ran_out_of_memory,
    skipped_kernels,
    why_no_engine,
    why_no_gpu,
)
from trifocal.optimizer.runtimes.tensorrt.messages import Messages

GIB = 1 << 30

LOGS = Path(__file__).parent / "data" / "logs"
"""issue-N.log: from NVIDIA/TensorRT#N; the others: what 11.2 and RTX 1.7 logged without a GPU."""
SEVERITIES = {"E": "ERROR", "W": "WARNING"}


def log(name: str) -> Messages:
    text = (LOGS / f"{name}.log").read_text(encoding="utf-8")
    entries = re.findall(r"^\[([EW])\] (.*\n(?:[^\[].*\n)*)", text, re.MULTILINE)
    return messages(*((SEVERITIES[letter], entry.rstrip()) for letter, entry in entries))


def messages(*logged: tuple[str, str]) -> Messages:
    found = Messages()
    for severity, text in logged:
        found.add(severity, text)
    return found


@pytest.mark.parametrize("number", [477, 1768, 2035, 2643, 4258])
def test_less_workspace_is_tried_where_it_may_help(number: int) -> None:
    assert ran_out_of_memory(log(f"issue-{number}"))


def test_less_workspace_is_not_tried_where_it_cannot_help() -> None:
    assert not ran_out_of_memory(log("no-profile"))
    assert not ran_out_of_memory(log("no-driver"))
    assert not ran_out_of_memory(messages())


@pytest.mark.parametrize(
    ("issue", "node"),
    [
        ("issue-477", "conv0_fwd"),
        ("issue-4258", "{ForeignNode[/1/Constant_36_output_0.../1/Slice_4]}"),
        ("issue-2035", "{ForeignNode[onnx::Gather_72...ScatterND_170]}"),
    ],
)
def test_memory_is_named_though_the_error_speaks_of_a_node(issue: str, node: str) -> None:
    assert why_no_engine(log(issue), (16 * GIB, 8 * GIB)) == (
        f"the GPU's memory ran out at node {node} while TensorRT tried kernels with a workspace of "
        "16 GiB and again with 8 GiB; let the build have the GPU to itself, lower "
        "spec.serving.batching.maxBatchSize, or choose a GPU with more memory"
    )


def test_memory_is_named_where_no_node_is() -> None:
    assert why_no_engine(log("issue-2643"), (GIB // 2,)).startswith(
        "the GPU's memory ran out while TensorRT tried kernels with a workspace of 0.5 GiB; "
    )


def test_a_missing_kernel_alone_leaves_both_readings_open() -> None:
    text = why_no_engine(log("issue-1768"), (16 * GIB, 8 * GIB))
    assert text.startswith(
        "TensorRT found no kernel for node conv1.weight + QuantizeLinear_7_quantize_scale_node + "
        "(Unnamed Layer* 14) [Shuffle] + Conv_9 + PWN(LeakyRelu_10) with a workspace of 16 GiB and "
        "again with 8 GiB; it says so when memory runs out, and where a layer cannot run"
    )


@pytest.mark.parametrize(
    "ending", [".)", ".", "", ". In computeCosts at /_src/optimizer.cpp:4115)", ", try increasing"]
)
def test_a_node_is_named_however_the_sentence_ends(ending: str) -> None:
    text = f"Error (Could not find any implementation for node (Unnamed Layer* 3) [TopK]{ending}"
    assert "no kernel for node (Unnamed Layer* 3) [TopK] with a workspace" in why_no_engine(
        messages(("ERROR", text)), (GIB,)
    )


def test_no_driver_is_said_to_be_no_driver() -> None:
    assert why_no_engine(log("no-driver"), ()) == (
        "TensorRT needs a GPU, and the NVIDIA driver is missing or too old here (CUDA error 35); "
        "run the Job on a node with the GPU that spec.serving.accelerator.product names"
    )
    assert "no GPU is visible" in str(why_no_gpu(["CUDA initialization failure with error: 100"]))
    assert why_no_gpu(["(cudaError 2: out of memory)"]) is None


def test_what_cuda_adds_to_another_error_is_not_taken_for_the_cause() -> None:
    """As RTX logs without a GPU."""
    text = why_no_engine(log("contradiction"), (GIB,))
    assert text.startswith("TensorRT gave no engine, and says: IBuilder::buildSerializedNetwork: ")


def test_everything_else_is_quoted() -> None:
    assert why_no_engine(log("no-profile"), (GIB,)) == (
        "TensorRT gave no engine, and says: IBuilder::buildSerializedNetwork: Error Code 4: API "
        "Usage Error (Network has dynamic or shape inputs, but no optimization profile has been "
        "defined.)"
    )
    assert why_no_engine(messages(), (GIB,)) == "TensorRT gave no engine, and says: nothing"
    assert len(why_no_engine(messages(("ERROR", "x" * 999)), (GIB,))) < 350


def test_kernels_that_were_left_out_are_counted() -> None:
    assert skipped_kernels(log("issue-2643")) == 1
    assert skipped_kernels(log("no-profile")) == 0


def test_only_errors_and_warnings_are_kept_and_not_without_end() -> None:
    found = messages(("INFO", "i"), ("VERBOSE", "v"), ("INTERNAL_ERROR", "e"))
    assert (list(found.errors), list(found.warnings)) == (["e"], [])
    for number in range(2000):
        found.add("WARNING", str(number))
    assert (len(found.warnings), found.warnings[-1]) == (1000, "1999")
