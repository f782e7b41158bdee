"""Which namespace a command means, and how its failures differ from its answers."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kubernetes.aio.config import ConfigException

from trifocal.cli.session import ClusterCommand, Reach, cluster_options, home_namespace
from trifocal.kube.errors import Refused

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: abc}}]
contexts:
- {name: here, context: {cluster: c, user: u, namespace: vision}}
- {name: bare, context: {cluster: c, user: u}}
current-context: here
"""


@pytest.fixture(name="kubeconfig")
def _kubeconfig(tmp_path: Path) -> str:
    (tmp_path / "config").write_text(KUBECONFIG)
    return str(tmp_path / "config")


@pytest.mark.parametrize(
    ("context", "namespace"), [(None, "vision"), ("here", "vision"), ("bare", "default")]
)
def test_the_namespace_is_the_contexts(
    kubeconfig: str, context: str | None, namespace: str
) -> None:
    assert home_namespace(kubeconfig, context) == namespace


def test_an_unknown_context_is_named(kubeconfig: str) -> None:
    with pytest.raises(ConfigException, match="no context elsewhere"):
        home_namespace(kubeconfig, "elsewhere")


@click.command(cls=ClusterCommand)
@cluster_options
@click.argument("what")
def ask(what: str, reach: Reach) -> None:
    match what:
        case "refused":
            raise Refused(403, "Forbidden", "You may not.")
        case "wrong":
            raise click.UsageError("Not so.")
        case _:
            click.echo(reach)
            click.get_current_context().exit(1)


def test_options_reach_the_command(kubeconfig: str) -> None:
    result = CliRunner(env={"KUBECONFIG": kubeconfig}).invoke(
        ask, ["--context", "bare", "-n", "mine", "it"]
    )
    assert "namespace='mine', context='bare'" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["refused"], "Error: You may not."),
        (["wrong"], "Not so."),
        ([], "Missing argument"),
        (["--context", "elsewhere", "it"], "Error: The kubeconfig has no context elsewhere."),
    ],
)
def test_what_could_not_be_answered_has_an_exit_code_of_its_own(
    kubeconfig: str, arguments: list[str], words: str
) -> None:
    result = CliRunner(env={"KUBECONFIG": kubeconfig}).invoke(ask, arguments)
    assert result.exit_code == 3
    assert words in result.output
