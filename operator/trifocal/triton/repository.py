"""The configuration files of a serving pod by name: what stands beside the model. Pure."""

from collections.abc import Mapping
from importlib import resources

from trifocal.triton.http_front import http_front_config
from trifocal.triton.model_config import ModelConfig
from trifocal.triton.pbtxt import to_pbtxt

CONFIG_FILE = "config.pbtxt"
PROGRAM_FILE = "model.py"
FRONT_FILE = "nginx.conf"


def configuration_files(config: ModelConfig) -> Mapping[str, str]:
    """File contents by name: Triton's, the front's, and the program where the backend needs it."""
    files = {
        CONFIG_FILE: to_pbtxt(config),
        FRONT_FILE: http_front_config(config.name),
    }
    if config.backend == "python":
        files[PROGRAM_FILE] = python_program()
    return files


def python_program() -> str:
    """The python backend's model.py; shipped as data, because only Triton can import it."""
    folder = resources.files("trifocal.triton") / "python_backend"
    return (folder / PROGRAM_FILE).read_text(encoding="utf-8")
