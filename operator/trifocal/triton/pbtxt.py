"""A model configuration as config.pbtxt: the protobuf text of Triton's ModelConfig message. Pure."""

from trifocal.triton.model_config import ModelConfig


def to_pbtxt(config: ModelConfig) -> str:
    """The file's text; the same configuration gives the same text."""
    raise NotImplementedError
