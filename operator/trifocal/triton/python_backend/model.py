"""Runs model.onnx with ONNX Runtime inside Triton's python backend.

For Triton images without the onnxruntime backend. Triton imports this file by its path, so it
stands alone: it must not import anything of Trifocal's. Requests of one batch are concatenated,
executed once, and the answers split again.
"""  # noqa: INP001 - no package: Trifocal never imports it, so it may import what Trifocal may not

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils  # Triton puts it on the path

MODEL_FILE = "model.onnx"


class TritonPythonModel:
    """What Triton looks for in this file; one object for each instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model beside this file, with the thread counts of config.pbtxt."""
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _parameter(config, "intra_op_thread_count")
        options.inter_op_num_threads = _parameter(config, "inter_op_thread_count")
        # Idle threads that spin take the CPU that other instances, and Triton itself, wait for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(Path(__file__).with_name(MODEL_FILE)),
            options,
            providers=["CPUExecutionProvider"],
        )
        self._inputs = [tensor["name"] for tensor in config["input"]]
        self._outputs = [tensor["name"] for tensor in config["output"]]
        self._batches = config["max_batch_size"] > 0

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One answer for each request, in order: its outputs, or an error in a sentence."""
        feeds = [self._feed(request) for request in requests]
        if not self._batches or len({_signature(feed) for feed in feeds}) > 1:
            # Triton batches only requests of one shape; one at a time is right in any case.
            return [answer for feed in feeds for answer in self._run([feed])]
        return self._run(feeds)

    def _feed(self, request: Any) -> dict[str, np.ndarray[Any, Any]]:
        return {
            name: pb_utils.get_input_tensor_by_name(request, name).as_numpy()
            for name in self._inputs
        }

    def _run(self, feeds: list[dict[str, np.ndarray[Any, Any]]]) -> list[Any]:
        joined = (
            feeds[0]
            if len(feeds) == 1
            else {name: np.concatenate([feed[name] for feed in feeds]) for name in self._inputs}
        )
        try:
            answers = self._session.run(self._outputs, joined)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors share no base class
            return self._failures(feeds, error)
        if not self._batches:
            return [self._response(answers)]
        ends = np.cumsum([len(feed[self._inputs[0]]) for feed in feeds])[:-1]
        split = [np.split(answer, ends) for answer in answers]
        return [self._response([parts[i] for parts in split]) for i in range(len(feeds))]

    def _failures(
        self, feeds: list[dict[str, np.ndarray[Any, Any]]], error: Exception
    ) -> list[Any]:
        """Each request's own error; a batch is tried again one by one, so one cannot fail all."""
        if len(feeds) > 1:
            return [answer for feed in feeds for answer in self._run([feed])]
        message = f"ONNX Runtime could not execute the model on this request: {error}"
        return [pb_utils.InferenceResponse(error=pb_utils.TritonError(message))]

    def _response(self, answers: Sequence[np.ndarray[Any, Any]]) -> Any:
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor(name, np.ascontiguousarray(answer))
                for name, answer in zip(self._outputs, answers, strict=True)
            ]
        )


def _parameter(config: dict[str, Any], key: str) -> int:
    """A thread count; 0, as when it is absent, leaves the choice to ONNX Runtime."""
    return int(config["parameters"].get(key, {"string_value": "0"})["string_value"])


def _signature(feed: dict[str, np.ndarray[Any, Any]]) -> tuple[tuple[int, ...], ...]:
    return tuple(array.shape[1:] for array in feed.values())
