"""The command line: up, down, status, build, images, env."""

import argparse
import sys
from collections.abc import Sequence

from .build import build
from .errors import ClusterError


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 if it did what was asked."""
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster")
    commands = parser.add_subparsers(dest="command", required=True)
    b = commands.add_parser("build")
    b.add_argument("tools", nargs="*")
    parsed = parser.parse_args(arguments)
    try:
        build(parsed.tools)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
