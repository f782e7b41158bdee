"""Tokens that rotate: read again when the file changes, once more after a refusal."""

import os
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.support.fake_time import FakeTime
from trifocal.kube.access import Access, KubeconfigToken, TokenFile, find_access, open_session
from trifocal.telemetry import served

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: TOKEN}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def kubeconfig(token: str) -> str:
    return KUBECONFIG.replace("TOKEN", token)


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    token = TokenFile(file)
    assert token.authorization() == "Bearer first"
    replacement = tmp_path / "next"
    replacement.write_text("second\n")
    replacement.replace(file)  # as kubelet does: a new inode
    assert token.authorization() == "Bearer second"


async def test_a_change_within_the_clocks_resolution_is_seen_after_a_refusal(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    token = TokenFile(file)
    token.authorization()
    stat = file.stat()
    file.write_text("other")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    await token.renew()
    assert token.authorization() == "Bearer other"


async def test_a_kubeconfig_is_loaded_again_after_a_refusal_but_not_in_a_storm(
    tmp_path: Path,
) -> None:
    file, time = tmp_path / "config", FakeTime()
    file.write_text(kubeconfig("first"))
    token = KubeconfigToken(str(file), "Bearer first", time.monotonic)
    file.write_text(kubeconfig("second"))
    await token.renew()
    assert token.authorization() == "Bearer first"
    time.pass_by(11)
    await token.renew()
    assert token.authorization() == "Bearer second"


async def test_a_kubeconfig_says_where_the_server_is_and_who_we_are(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig("abc"))
    access = await find_access(FakeTime().monotonic, str(file))
    assert access.server == "http://127.0.0.1:1"
    assert access.token.authorization() == "Bearer abc"


async def test_a_context_of_the_kubeconfig_can_be_named(tmp_path: Path) -> None:
    file, time = tmp_path / "config", FakeTime()
    two = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: here}}, {name: v, user: {token: TOKEN}}]
contexts: [{name: x, context: {cluster: c, user: u}}, {name: y, context: {cluster: c, user: v}}]
current-context: x
"""
    file.write_text(two.replace("TOKEN", "there"))
    access = await find_access(time.monotonic, str(file), "y")
    assert access.token.authorization() == "Bearer there"
    file.write_text(two.replace("TOKEN", "later"))
    time.pass_by(11)
    await access.token.renew()
    assert access.token.authorization() == "Bearer later"


class Rotating:
    """Has a newer token once it is asked to renew."""

    def __init__(self, *, newer: bool) -> None:
        self.header = "Bearer old"
        self.newer = newer
        self.renewals = 0

    def authorization(self) -> str:
        return self.header

    async def renew(self) -> None:
        self.renewals += 1
        if self.newer:
            self.header = "Bearer new"


async def statuses(token: Rotating) -> tuple[int, list[str]]:
    """The status that a client sees of a server that takes only the new token."""
    sent: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append(request.headers["Authorization"])
        return web.Response(status=200 if sent[-1] == "Bearer new" else 401)

    app = web.Application()
    app.router.add_get("/", answer)
    async with served(app, 0, host="127.0.0.1") as port:
        access = Access(server=f"http://127.0.0.1:{port}", ssl_context=False, token=token)
        async with (
            open_session(access, connections=1) as session,
            session.get(access.server, timeout=aiohttp.ClientTimeout(total=5)) as response,
        ):
            return response.status, sent


async def test_a_rotated_token_costs_one_more_request_and_no_failure() -> None:
    assert await statuses(Rotating(newer=True)) == (200, ["Bearer old", "Bearer new"])


async def test_the_same_token_is_not_sent_twice() -> None:
    assert await statuses(Rotating(newer=False)) == (401, ["Bearer old"])
