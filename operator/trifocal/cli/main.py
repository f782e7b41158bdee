"""The command line: `trifocal` and, under its other name, `kubectl trifocal`.

Commands are imported when they are called: `trifocal fetch` starts in an init container and must
not pay for kopf, and `trifocal optimize` needs libraries that the operator's image leaves out.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click
from typing_extensions import override

from trifocal import __version__

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "benchmark": ("benchmark.command:benchmark", "Measure a served model under load."),
    "check": ("check.command:check", "Check the cluster and the installation."),
    "crd": ("crd:crd", "Print the CustomResourceDefinition."),
    "explain": ("explain.command:explain_command", "Say why it is not Ready and what to do."),
    "fetch": ("fetch:fetch", "Fetch and verify an artifact (serving pods run this)."),
    "operator": ("operator.command:operator", "Run the operator."),
    "freeze": ("freeze.command:freeze_command", "Print a manifest with its choices pinned."),
    "optimize": ("optimize:optimize", "Optimize a model here, without a cluster."),
    "plan": ("plan.command:plan", "Say what applying a file would cause."),
    "render": ("render.command:render", "Print what the operator would make of a file."),
    "report": ("report.command:report", "Write a redacted support bundle."),
    "rollout": ("rollout.command:rollout", "Follow, look back, undo, restart, pause."),
    "simulate": ("simulate.command:simulate", "Replay a load against scaling policies."),
    "status": ("status:status", "Show what a ModelDeployment does and waits for."),
    "uninstall": ("uninstall.command:uninstall", "Delete what `helm uninstall` keeps."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(f"{__package__}.{module}"), attribute)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List from the table, so that `--help` imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trifocal")
def main() -> None:
    """Optimize, serve and scale vision models on Kubernetes."""
