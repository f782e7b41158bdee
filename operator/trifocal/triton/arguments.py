"""Triton's command line: locked down as far as each release understands it. Pure."""

from trifocal.triton.images import TritonImage


def server_arguments(image: TritonImage, *, restricted_key: str) -> tuple[str, ...]:
    """Arguments of `tritonserver`."""
    raise NotImplementedError
