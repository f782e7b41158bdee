"""Which ONNX operators a source model may use: the standard's, and known ones of ONNX Runtime.

ONNX Runtime would refuse an operator that it does not have; this says so before the file is
loaded, by name, and keeps out the domains that call into other software (Python, tokenizers).
"""

from collections.abc import Iterator
from typing import Any

STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
CONTRIB_DOMAIN = "com.microsoft"
CONTRIB_OPERATORS = frozenset(
    {
        # Fusions that ONNX Runtime itself writes into optimized graphs.
        "Attention",
        "BiasAdd",
        "BiasGelu",
        "BiasSoftmax",
        "FastGelu",
        "FusedConv",
        "FusedGemm",
        "FusedMatMul",
        "FusedMatMulActivation",
        "Gelu",
        "GroupNorm",
        "MultiHeadAttention",
        "QuickGelu",
        "SkipGroupNorm",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
        # Quantized arithmetic.
        "DequantizeLinear",
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QAttention",
        "QGemm",
        "QLinearAdd",
        "QLinearAveragePool",
        "QLinearConcat",
        "QLinearConv",
        "QLinearGlobalAveragePool",
        "QLinearLeakyRelu",
        "QLinearMul",
        "QLinearReduceMean",
        "QLinearSigmoid",
        "QLinearSoftmax",
        "QLinearWhere",
        "QuantizeLinear",
        # Vision.
        "ConvTransposeWithDynamicPads",
        "CropAndResize",
        "GridSample",
        "NhwcMaxPool",
    }
)
"""Of ONNX Runtime's ContribOperators.md, those of vision models."""


def graphs(model: Any) -> Iterator[Any]:
    """The main graph, the bodies of functions, and every graph nested in an attribute."""
    pending = [model.graph, *model.functions]
    while pending:
        graph = pending.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    pending.append(attribute.g)
                pending.extend(attribute.graphs)


def refused_operators(model: Any) -> tuple[str, ...]:
    """Operators outside the allow-list as domain:name, sorted."""
    local = {(function.domain, function.name) for function in model.functions}
    used = {(node.domain, node.op_type) for graph in graphs(model) for node in graph.node}
    return tuple(
        sorted(
            f"{domain}:{name}"
            for domain, name in used - local
            if domain not in STANDARD_DOMAINS
            and not (domain == CONTRIB_DOMAIN and name in CONTRIB_OPERATORS)
        )
    )
