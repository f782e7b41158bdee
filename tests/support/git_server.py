"""A git repository behind git's own smart HTTP server, for what clones and follows one.

`git http-backend` is the CGI program that git itself ships (git-http-backend(1)); here a small
HTTP server hands it each request. It is read only: commits are made in the work tree beside it.
"""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_BRANCH = "main"
_PASSED_ON = ("Content-Type", "Content-Encoding", "Git-Protocol")
"""Request headers that http-backend reads; CGI/1.1 (RFC 3875) names their variables."""


class Repository:
    """A work tree with one branch, and what it is served under."""

    def __init__(self, folder: Path) -> None:
        """Make it, with one empty commit."""
        self.folder = folder
        self._git("init", "--quiet", f"--initial-branch={_BRANCH}")
        self._git("commit", "--quiet", "--allow-empty", "--message=Begin")

    @property
    def head(self) -> str:
        """The newest commit, as Flux writes it."""
        return f"{_BRANCH}@sha1:{self._git('rev-parse', 'HEAD')}"

    def commit(self, files: Mapping[str, str | None], message: str) -> None:
        """Write these files (None: remove), and commit."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", f"--message={message}")

    def revert(self) -> None:
        """Undo the newest commit by another one, as `git revert` does."""
        self._git("revert", "--no-edit", "HEAD")

    def _git(self, *arguments: str) -> str:
        # Nobody's settings, so that no hook, signing key or template of this machine takes part.
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        person = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        done = subprocess.run(  # noqa: S603 - the test's own words
            ["git", *person, *arguments],  # noqa: S607 - as PATH has it
            cwd=self.folder,
            env={**os.environ, **nobody},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@contextmanager
def git_server(folder: Path) -> Iterator[tuple[Repository, str]]:
    """A new repository in this empty folder, and the URL that it is cloned from."""
    made = Repository(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made, f"http://127.0.0.1:{server.server_address[1]}/.git"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            done = subprocess.run(
                ["git", "http-backend"],  # noqa: S607 - as PATH has it
                input=body,
                env=self._environment(len(body)),
                capture_output=True,
                check=True,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            # CGI: a status other than 200 comes as a header of that name.
            self.send_response(int(headers.pop("Status", "200").split(" ", 1)[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _environment(self, length: int) -> dict[str, str]:
            address = urlsplit(self.path)
            passed = {
                _variable(name): value
                for name in _PASSED_ON
                if (value := self.headers.get(name)) is not None
            }
            return {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": address.path,
                "QUERY_STRING": address.query,
                "CONTENT_LENGTH": str(length),
                "REMOTE_ADDR": self.client_address[0],
                **passed,
            }

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


def _variable(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"
