"""Which Keras configurations are data: built-in layers of vision models, and nothing else. Pure.

Trust: a configuration names classes and functions, and Keras builds what it names. A Lambda layer
holds marshalled Python code; TFSMLayer, TorchModuleWrapper and StringLookup open other files;
custom objects are code that is not here. Keras's own safe mode has been wrong about some of these
before, for legacy HDF5 files above all, so the configuration is checked by a list of names first.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trifocal.api.condition import Reason
from trifocal.artifacts.failure import RefusedError

LAYERS = frozenset(
    {
        *("InputLayer", "Dense", "EinsumDense", "Embedding", "Identity", "Masking"),
        *(f"Conv{n}D" for n in (1, 2, 3)),
        *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
        *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        *(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        *(f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        *(f"Adaptive{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"),
        *("UnitNormalization", "Normalization", "Rescaling", "Resizing", "CenterCrop"),
        *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
        *("GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization"),
        *("Flatten", "Reshape", "Permute", "RepeatVector"),
        *(f"{kind}{n}D" for kind in ("Cropping", "ZeroPadding", "UpSampling") for n in (1, 2, 3)),
        *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
        *("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"),
        *("RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation"),
        *("RandomTranslation", "RandomZoom"),
    }
)
_MODELS = frozenset({"Functional", "Sequential", "Model"})
_PARTS = frozenset(
    {
        # Initializers.
        *("Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal"),
        *("VarianceScaling", "Orthogonal", "OrthogonalInitializer", "IdentityInitializer"),
        *("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
        # Regularizers and constraints.
        *("L1", "L2", "L1L2", "OrthogonalRegularizer", "MaxNorm", "MinMaxNorm", "NonNeg"),
        *("UnitNorm", "SeedGenerator"),
        # Element types, and values that JSON lacks.
        *("DTypePolicy", "Policy", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__"),
        *("__ellipsis__", "__slice__", "TensorShape"),
    }
)
_MODULES = re.compile(
    r"keras(\.(layers|models|initializers|regularizers|constraints|random|dtype_policies))?"
    r"|keras\.src\.models\.(functional|sequential|model)|builtins"
)
_OPERATIONS = re.compile(r"keras\.src\.ops\.(numpy|nn|image|math)")
"""Modules whose classes are arithmetic on tensors."""
_OPERATION = re.compile(r"[A-Z]\w*")
_FUNCTIONS = frozenset(
    {
        *("relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "swish", "mish", "glu"),
        *("leaky_relu", "softplus", "softsign", "softmax", "log_softmax", "sigmoid"),
        *("log_sigmoid", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "hard_shrink"),
        *("soft_shrink", "squareplus", "sparse_plus", "tanh", "tanh_shrink", "exponential"),
        *("linear", "threshold"),
    }
)
"""Activations."""


def checked_config(text: str | bytes) -> dict[str, Any]:
    """The parsed configuration without what is for training only.

    Raises:
        RefusedError: ModelInvalid: it is no configuration, or names something that is not a
            built-in layer; the layer is named.
    """
    try:
        cleaned: dict[str, Any] = _without_training(json.loads(text))
        _check("model", cleaned)
        for owner, entry in _entries(cleaned, "model"):
            _check(owner, entry)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RefusedError(
            Reason.MODEL_INVALID,
            f"The Keras model's configuration cannot be read ({str(error)[:200]}); save it again.",
        ) from error
    return cleaned


def _without_training(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_training(v) for k, v in value.items() if k != "compile_config"}
    if isinstance(value, list):
        return [_without_training(item) for item in value]
    return value


def _entries(value: Any, owner: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything that names a class, with the name of the layer around it."""
    if isinstance(value, dict):
        if "class_name" in value:
            owner = _name(value) or owner
            yield owner, value
        for inner in value.values():
            yield from _entries(inner, owner)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(inner, owner)


def _name(entry: Mapping[str, Any]) -> str | None:
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) and entry["class_name"] not in _PARTS else None


def _check(owner: str, entry: Mapping[str, Any]) -> None:
    kind, module = entry["class_name"], entry.get("module")
    if kind in {"Lambda", "__lambda__"}:
        raise _refused(
            owner,
            "is a Lambda, which holds Python code that would run here",
            "Replace it by built-in layers, such as Rescaling, or by keras.ops",
        )
    if kind == "function":
        known = entry.get("config") in _FUNCTIONS and module in {"builtins", "keras.activations"}
        if not known:
            raise _refused(owner, f"uses the function '{entry.get('config')!s:.60}'", _CURE)
        return
    if not isinstance(kind, str) or not isinstance(module, str | None):
        raise TypeError("a class has no name")
    if module is not None and _OPERATIONS.fullmatch(module) and _OPERATION.fullmatch(kind):
        return
    built_in = module is None or _MODULES.fullmatch(module)
    if not built_in or kind not in LAYERS | _MODELS | _PARTS:
        place = f"{module}." if module else ""
        raise _refused(owner, f"is of the class '{place}{kind}'", _CURE)


_CURE = (
    "Only Keras's own layers for images are read: build the model from them, or export it to ONNX "
    "where its code is, and name that file as the source"
)


def _refused(owner: str, why: str, cure: str) -> RefusedError:
    return RefusedError(
        Reason.MODEL_INVALID,
        f"The Keras model is refused: layer '{owner:.80}' {why}. {cure}.",
    )
