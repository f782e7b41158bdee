"""How many CPU threads one inference gets, in the optimization Job as in serving. Pure."""

import math

from trifocal.api.serving import ServingSpec
from trifocal.resources.quantity import amount

MAX_THREADS = 256
"""What the optimization request allows; no inference of one image gains from more."""


def threads_per_instance(serving: ServingSpec) -> int:
    """Whole cores of the CPU limit, or else of the request, shared out over the instances.

    At least one; and one where neither is set, because ONNX Runtime would start a thread for each
    core of the node, and all pods of the node would fight over them.
    """
    for amounts in (serving.resources.limits, serving.resources.requests):
        if amounts is not None and amounts.cpu is not None:
            cores = math.floor(amount(amounts.cpu))
            return min(max(1, cores // serving.instances), MAX_THREADS)
    return 1
