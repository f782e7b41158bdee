"""PReLU made of rectifiers answers as PReLU does."""

import pytest
import torch
from torch import nn

from trifocal.optimizer.torch_graph.elementary import elementary


@pytest.mark.parametrize("slopes", [1, 3])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
def test_prelu_is_replaced_and_answers_stay(slopes: int, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = nn.PReLU(slopes)
    layer.weight.data = torch.linspace(-0.5, 1.5, slopes)
    network = nn.Sequential(nn.Identity(), nn.Sequential(layer)).eval()
    images = torch.randn(shape)
    expected = network(images)

    found = elementary(network)

    assert not any(isinstance(module, nn.PReLU) for module in found.modules())
    torch.testing.assert_close(found(images), expected)
