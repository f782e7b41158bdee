"""Channels that go: the right ones, everywhere, and never so that the network breaks."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.small_networks import Residual, Split, plain
from trifocal.optimizer.compression.structured import prune_channels
from trifocal.optimizer.runtimes.backend import BuildError
from trifocal.optimizer.torch_graph.counting import count
from trifocal.optimizer.torch_graph.from_onnx import to_torch
from trifocal.optimizer.torch_graph.to_onnx import to_onnx


def _read(network: nn.Module, images: torch.Tensor, folder: Path) -> nn.Module:
    """The network as every source comes: from ONNX."""
    path = folder / "network.onnx"
    to_onnx(network, images.numpy(), "image", "scores", path)
    return to_torch(path, "scores", images.numpy())


def test_macs_and_parameters_are_counted_as_by_hand() -> None:
    """1 x 8 x 8: 9*16*64 products, then 9*16*32*16, then 128*10; weights, biases and norms."""
    found = count(plain(), torch.zeros(1, 1, 8, 8))
    assert found.macs == 9_216 + 73_728 + 1_280
    assert found.parameters == 144 + 32 + 4_608 + 32 + 64 + 1_280 + 10
    assert found.zeros == 0.0


def test_half_of_the_channels_go_and_the_answers_shape_stays(tmp_path: Path) -> None:
    images = torch.rand(2, 1, 8, 8)
    source = _read(plain(), images, tmp_path)
    before = count(source, images[:1])

    narrowed = prune_channels(source, images, 0.5)

    widths = [it.out_channels for it in narrowed.module.modules() if isinstance(it, nn.Conv2d)]
    assert widths == [8, 16]
    assert narrowed.skipped == ()
    assert narrowed.module(images).shape == (2, 10)
    assert count(narrowed.module, images[:1]).macs == 9 * 8 * 64 + 9 * 8 * 16 * 16 + 64 * 10
    assert count(source, images[:1]) == before


def test_the_channels_with_the_smallest_weights_go(tmp_path: Path) -> None:
    first, last = nn.Conv2d(1, 16, 1), nn.Linear(64, 3)
    network = nn.Sequential(first, nn.Flatten(), last)
    sizes = torch.arange(16).flip(0) + 1.0
    with torch.no_grad():
        first.weight.copy_(sizes.view(16, 1, 1, 1))
        last.weight.copy_(sizes.repeat_interleave(4).expand(3, 64) / 100)
    source = _read(network, torch.rand(2, 1, 2, 2), tmp_path)

    narrowed = prune_channels(source, torch.rand(2, 1, 2, 2), 0.5)

    (layer,) = [it for it in narrowed.module.modules() if isinstance(it, nn.Conv2d)]
    assert layer.weight.flatten().tolist() == [16, 15, 14, 13, 12, 11, 10, 9]


@pytest.mark.parametrize(("ratio", "kept"), [(0.3, 48), (0.5, 32), (0.75, 16), (0.95, 8)])
def test_channels_stay_in_eights(ratio: float, kept: int, tmp_path: Path) -> None:
    """Of 64: 44.8 are nearest to 48; 3.2 would be nearest to none, and 8 stay."""
    images = torch.rand(2, 1, 8, 8)
    narrowed = prune_channels(_read(plain(channels=64), images, tmp_path), images, ratio)
    first = next(it for it in narrowed.module.modules() if isinstance(it, nn.Conv2d))
    assert first.out_channels == kept


def test_depthwise_layers_sums_and_attention_stay_consistent(tmp_path: Path) -> None:
    images = torch.rand(2, 3, 16, 16)
    narrowed = prune_channels(_read(Residual(), images, tmp_path), images, 0.5)
    layers = [it for it in narrowed.module.modules() if isinstance(it, nn.Conv2d)]
    assert [it.out_channels for it in layers] == [16, 16, 16, 8, 16]
    assert [it.groups for it in layers] == [1, 16, 1, 1, 1]
    assert narrowed.module(images).shape == (2, 5)
    assert narrowed.skipped == ()


def test_split_channels_are_pruned_only_where_the_network_still_runs(tmp_path: Path) -> None:
    images = torch.rand(2, 3, 16, 16)
    source = _read(Split(), images, tmp_path)

    narrowed = prune_channels(source, images, 0.5)

    assert narrowed.module(images).shape == source(images).shape == (2, 24, 64)
    last = [it.out_channels for it in narrowed.module.modules() if isinstance(it, nn.Conv2d)][-2:]
    assert last == [16, 8]
    assert narrowed.pruned >= 2
    assert count(narrowed.module, images[:1]).macs < 0.7 * count(source, images[:1]).macs
    again = _read(narrowed.module, images, tmp_path)
    assert torch.allclose(again(images), narrowed.module(images), atol=1e-4)


class Rigid(nn.Module):
    """Reads channels by number, so that none may go."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 16, 1)
        self.last = nn.Conv2d(1, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.last(self.first(x)[:, 15:16])
        return answer


def test_a_network_that_cannot_lose_channels_says_so_and_is_not_harmed(tmp_path: Path) -> None:
    images = torch.rand(2, 1, 4, 4)
    source = _read(Rigid(), images, tmp_path)
    before = source(images)
    with pytest.raises(BuildError, match="none of its layers can lose 50%"):
        prune_channels(source, images, 0.5)
    assert torch.equal(source(images), before)


def test_scales_of_channels_go_with_their_channels(tmp_path: Path) -> None:
    """A constant that multiplies each channel, as some exporters write instead of BatchNorm."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 16, 1)
            self.scale = nn.Parameter(torch.rand(16, 1, 1))
            self.last = nn.Conv2d(16, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.last((self.first(x) * self.scale).relu())
            return answer

    images = torch.rand(2, 1, 4, 4)
    narrowed = prune_channels(_read(Scaled(), images, tmp_path), images, 0.5)
    assert [it.out_channels for it in narrowed.module.modules() if isinstance(it, nn.Conv2d)] == [
        8,
        2,
    ]
