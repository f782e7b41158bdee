"""Where an engine is valid: it and its timing cache are for one GPU product and version. Pure."""

from dataclasses import asdict, dataclass

from typing_extensions import override

from trifocal.api.names import canonical_sha256


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU as its driver describes it."""

    product: str
    """Such as NVIDIA L4."""
    compute_capability: str
    """Such as 8.9."""
    cuda: int
    """Major version of the newest CUDA that the driver can run."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything outside the model that decides whether an engine runs."""

    library: str
    """tensorrt, or the name of the library that stands in for it."""
    version: str
    """The library's full version, such as 11.2.1.2: another build number is another format."""
    platform: str
    """Operating system and architecture, such as linux-x86_64."""
    device: Device | None
    """None where engines are built without a GPU."""

    @override
    def __str__(self) -> str:
        """For people and for the keys of candidates: it holds every field."""
        device = self.device
        on = (
            f"{device.product}, compute capability {device.compute_capability}, CUDA {device.cuda}"
            if device
            else "no GPU"
        )
        return f"{self.library} {self.version} ({on}, {self.platform})"

    @property
    def timing_cache_key(self) -> str:
        """Hex digits. Measured kernels serve every model and recipe of the same place."""
        return canonical_sha256({"kind": "timing-cache", **asdict(self)})
