"""The command line lists every command without importing it, and each one exists."""

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from trifocal.cli.main import COMMANDS, main


def test_help_lists_every_command_with_its_purpose() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name, (_, purpose) in COMMANDS.items():
        assert f"  {name}" in result.output
        assert purpose[:30] in result.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_listed_command_can_be_imported(name: str) -> None:
    module, attribute = COMMANDS[name][0].split(":")
    command = getattr(import_module(f"trifocal.cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_unknown_command_is_refused_with_the_name_that_was_wrong() -> None:
    result = CliRunner().invoke(main, ["optimise"])
    assert result.exit_code == 2
    assert "No such command 'optimise'" in result.output


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        ("fetch", ["kopf", "kubernetes", "onnxruntime"]),
        ("operator", ["onnx", "onnxruntime", "PIL"]),
        ("status", ["kopf", "onnxruntime"]),
    ],
)
def test_a_command_imports_only_what_its_image_holds(command: str, forbidden: list[str]) -> None:
    program = (
        "import sys; from trifocal.cli.main import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        f"loaded = [m for m in {forbidden!r} if m in sys.modules]\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
