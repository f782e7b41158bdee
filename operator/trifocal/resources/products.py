"""A revision on several GPU products: one Deployment for each, behind the one Service. Pure.

All have the revision's label, by which Service and disruption budget select, and one more with the
product, which keeps their selectors apart. Which products there are is no part of the revision: one
more or less starts no other pod again.
"""

from typing import Any

from trifocal.api import names
from trifocal.api.modeldeployment import ModelDeployment
from trifocal.resources.metadata import Manifest
from trifocal.resources.placement import PRODUCT_NODE_LABEL

Product = str | None
"""None where there is nothing to choose from: the spec names one product, or none."""


def products_of(md: ModelDeployment) -> tuple[Product, ...]:
    """What a revision has a Deployment for."""
    accelerator = md.spec.serving.accelerator
    return (accelerator.products if accelerator else None) or (None,)


def has_products(md: ModelDeployment) -> bool:
    """Whether pods may run on any of the products that the spec names."""
    return products_of(md) != (None,)


def on_product(deployment: Manifest, product: Product, replicas: int) -> Manifest:
    """So many of the Deployment's pods, on nodes with that product; None leaves nodes as they are.

    Args:
        deployment: the revision's, of pods that any product would do for.
        product: one of `products_of`.
        replicas: pods on this product.
    """
    meta, spec = deployment["metadata"], deployment["spec"]
    if product is None:
        return {**deployment, "spec": {**spec, "replicas": replicas}}
    label = {names.PRODUCT_LABEL: product}
    name = names.of_product(meta["name"], product)
    return {
        **deployment,
        "metadata": {**meta, "name": name, "labels": meta["labels"] | label},
        "spec": {
            **spec,
            "replicas": replicas,
            "selector": {"matchLabels": spec["selector"]["matchLabels"] | label},
            "template": _template(spec["template"], label, product),
        },
    }


def _template(template: Any, label: dict[str, str], product: str) -> dict[str, Any]:
    meta = template["metadata"]
    return {
        "metadata": {**meta, "labels": meta["labels"] | label},
        "spec": {**template["spec"], "nodeSelector": {PRODUCT_NODE_LABEL: product}},
    }


def builds_engines(md: ModelDeployment) -> bool:
    """Whether each of several products needs a TensorRT engine of its own."""
    return has_products(md) and md.spec.optimization.served.runtime == "tensorrt"


def optimized_for(md: ModelDeployment) -> tuple[tuple[Product, ModelDeployment], ...]:
    """The object as each of its optimizations sees it: as if it named one product alone."""
    if not builds_engines(md):
        return ((None, md),)
    return tuple((product, _alone(md, product)) for product in products_of(md))


def _alone(md: ModelDeployment, product: Product) -> ModelDeployment:
    serving = md.spec.serving
    if serving.accelerator is None:
        return md
    only = serving.accelerator.model_copy(update={"product": product, "products": None})
    spec = md.spec.model_copy(update={"serving": serving.model_copy(update={"accelerator": only})})
    return md.model_copy(update={"spec": spec})
