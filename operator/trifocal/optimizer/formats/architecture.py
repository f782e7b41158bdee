"""A network by name, untrained: from torchvision, timm, or a factory in the optimizer image."""

import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch

from trifocal.api.condition import Reason
from trifocal.api.techniques import Architecture
from trifocal.artifacts.failure import RefusedError
from trifocal.optimizer.formats.opened import first_line

if TYPE_CHECKING:
    from collections.abc import Callable


def build(architecture: Architecture, classes: int) -> torch.nn.Module:
    """The network with `classes` outputs and random weights; nothing is downloaded.

    Raises:
        RefusedError: InvalidSpec: there is no such network, or it cannot have that many classes.
    """
    builders: dict[str, Callable[[str, int], Any]] = {
        "torchvision": _torchvision,
        "timm": _timm,
        "factory": _factory,
    }
    try:
        with warnings.catch_warnings():
            # GoogLeNet and Inception warn about the time that their initialization takes.
            warnings.simplefilter("ignore", FutureWarning)
            network = builders[architecture.library](architecture.name, classes)
    except RefusedError:
        raise
    except Exception as error:  # constructors raise whatever they like
        raise _refused(architecture, f"cannot be built: {first_line(error)}") from error
    if not isinstance(network, torch.nn.Module):
        raise _refused(architecture, f"made a {type(network).__name__}, not a torch.nn.Module")
    return network.eval()


def _torchvision(name: str, classes: int) -> Any:
    from torchvision import models  # noqa: PLC0415 - heavy

    _check_known(Architecture(library="torchvision", name=name), models.list_models())
    return models.get_model(name, weights=None, num_classes=classes)


def _timm(name: str, classes: int) -> Any:
    import timm  # noqa: PLC0415 - heavy

    # The part after a dot names published weights, not a network.
    network = name.split(".", maxsplit=1)[0]
    _check_known(Architecture(library="timm", name=network), timm.list_models())
    return timm.create_model(network, pretrained=False, num_classes=classes)


def _factory(name: str, classes: int) -> Any:
    architecture = Architecture(library="factory", name=name)
    module_name, function_name = name.split(":")
    root = module_name.split(".", maxsplit=1)[0]
    if root in sys.stdlib_module_names or root == "trifocal":
        raise _refused(architecture, "is no network; name a function of your own module")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _refused(
            architecture,
            f"cannot be imported ({first_line(error)}); build an optimizer image that has "
            f"the module",
        ) from error
    function = vars(module).get(function_name)
    if not callable(function):
        raise _refused(architecture, f"is not there: the module has no function {function_name}")
    return function(num_classes=classes)


def _check_known(architecture: Architecture, known: list[str]) -> None:
    if architecture.name not in known:
        import difflib  # noqa: PLC0415 - for the message only

        near = difflib.get_close_matches(architecture.name, known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise _refused(architecture, f"is not among its {len(known)} networks{hint}")


def _refused(architecture: Architecture, why: str) -> RefusedError:
    return RefusedError(
        Reason.INVALID_SPEC,
        f"Architecture {architecture.library} '{architecture.name}' {why}.",
    )
