"""Runs other programs; a failure becomes a sentence with the program's own last words."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import ClusterError

_SHOWN_WORDS = 6


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    advice: str = "",
) -> str:
    """Standard output of `command`; ClusterError with its last lines if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed; run `up`, which installs it") from error
    if done.returncode != 0:
        raise ClusterError(_failure(words, done, advice))
    return done.stdout


def succeeds(command: Sequence[str | Path]) -> bool:
    """Whether `command` ends with exit status 0; what it prints is dropped."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _failure(words: list[str], done: "subprocess.CompletedProcess[str]", advice: str) -> str:
    tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-12:])
    shown = " ".join(words[:_SHOWN_WORDS]) + (" ..." if len(words) > _SHOWN_WORDS else "")
    return f"`{shown}` failed with status {done.returncode}: {tail}" + (
        f"\n{advice}" if advice else ""
    )
