"""The command line: up, down, status, build, images, env."""

import argparse
import sys
from collections.abc import Sequence

from .build import build
from .errors import ClusterError
from .images import TARGETS, build_images, images
from .leftovers import leftovers
from .lifecycle import exclusive, status, up
from .paths import State, tools_dir
from .preflight import check_root
from .teardown import down


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 if it did what was asked."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(_run(parsed, State.from_environment()))
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the cluster, or repair it")
    commands.add_parser("down", help="stop it and delete everything but the cache")
    commands.add_parser("verify-down", help="list what a cluster left behind; fail if anything")
    commands.add_parser("status", help="print the health of each component")
    builds = commands.add_parser("build", help="build the programs, or only those named")
    builds.add_argument("tools", nargs="*", metavar="TOOL")
    pictures = commands.add_parser("images", help="build Trifocal's images and import them")
    pictures.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(TARGETS))
    pictures.add_argument("--build-only", action="store_true", help="needs no cluster")
    commands.add_parser("env", help="print shell lines that set KUBECONFIG and PATH")
    return parser


def _run(parsed: argparse.Namespace, state: State) -> int:
    match parsed.command:
        case "up":
            up(state)
        case "down":
            check_root()
            with exclusive(state):
                down(state)
        case "verify-down":
            return _print_leftovers(state)
        case "status":
            return 0 if status(state) else 1
        case "build":
            build(parsed.tools)
        case "images":
            targets = parsed.targets or list(TARGETS)
            if parsed.build_only:
                build_images(targets)
            else:
                images(state, targets)
        case "env":
            print(f"export KUBECONFIG={state.kubeconfig}")
            print(f"export PATH={tools_dir()}:$PATH")
        case _:  # argparse has refused it already
            raise AssertionError(parsed.command)
    return 0


def _print_leftovers(state: State) -> int:
    found = leftovers(state)
    for line in found:
        print(line)
    return 1 if found else 0
