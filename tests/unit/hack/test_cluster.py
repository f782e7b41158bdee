"""The local cluster's own bookkeeping: what it packs, whom it kills, what it tells a person."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from hack.cluster import preflight
from hack.cluster.components import components
from hack.cluster.errors import ClusterError
from hack.cluster.images import TARGETS
from hack.cluster.oci import pack_program
from hack.cluster.paths import GO_MODULES, REPOSITORY, State
from hack.cluster.polling import becomes_true, wait_until
from hack.cluster.processes import command_digest, marked, recorded, start, stop
from hack.cluster.versions import ON_REQUEST, TOOLS, tools


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "cluster")
    made.create()
    return made


def test_a_packed_image_names_its_blobs_by_their_content(tmp_path: Path) -> None:
    program = tmp_path / "sleeper"
    program.write_bytes(b"a program")
    pack_program(program, "example.test/sleeper:v1", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    index = json.loads(files["index.json"])["manifests"][0]
    assert index["annotations"] == {"io.containerd.image.name": "example.test/sleeper:v1"}
    manifest = json.loads(files[f"blobs/{index['digest'].replace(':', '/')}"])
    for each in (index, manifest["config"], *manifest["layers"]):
        blob = files[f"blobs/{each['digest'].replace(':', '/')}"]
        assert each["digest"] == f"sha256:{hashlib.sha256(blob).hexdigest()}"
        assert each["size"] == len(blob)


def test_only_the_clusters_own_processes_are_found_and_stopped(state: State) -> None:
    other = subprocess.Popen(["/bin/sleep", "60"])
    try:
        record = start(state, "sleeper", ["/bin/sleep", "60"], "digest")
        assert recorded(state, "sleeper") == record
        assert marked(state) == {record.pid}
        stop(marked(state))
        assert becomes_true(lambda: recorded(state, "sleeper") is None, 5)
        assert marked(state) == set()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_number_that_another_process_got_is_not_the_component(state: State) -> None:
    record = start(state, "sleeper", ["/bin/sleep", "60"], "digest")
    os.kill(record.pid, signal.SIGKILL)
    assert becomes_true(lambda: recorded(state, "sleeper") is None, 5)
    taken = {"pid": os.getpid(), "started": record.started, "digest": "digest"}
    (state.pids / "sleeper").write_text(json.dumps(taken))
    assert recorded(state, "sleeper") is None


def test_a_changed_configuration_file_changes_the_digest(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("one")
    before = command_digest(["/bin/true", "--flag"], [config])
    assert command_digest(["/bin/true", "--flag"], [config]) == before
    config.write_text("two")
    assert command_digest(["/bin/true", "--flag"], [config]) != before


def test_a_port_in_use_is_named_with_its_holder(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(preflight, "_PORTS", {port: "kube-apiserver"})
        with pytest.raises(ClusterError, match=rf"port {port}.*\(pid {os.getpid()}\)"):
            preflight._check_ports(state)


def test_too_little_disk_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"GiB free and 1048576 GiB are needed"):
        preflight._check_disk(tmp_path / "not" / "yet", 1 << 50)


def test_a_deadline_says_what_did_not_happen() -> None:
    with pytest.raises(ClusterError, match="nothing came"):
        wait_until(lambda: False, "nothing came", 0.05)


def test_every_component_is_a_program_that_is_built(state: State) -> None:
    assert {each.name for each in components(state)} <= {tool.name for tool in TOOLS}


def test_every_tool_is_pinned_by_sums_at_the_version_that_names_it() -> None:
    for tool in (*TOOLS, *ON_REQUEST):
        module = (GO_MODULES / tool.group / "go.mod").read_text()
        if tool.group != "pause":
            assert tool.version in module, tool
            assert (GO_MODULES / tool.group / "go.sum").stat().st_size > 0


def test_a_group_is_named_as_a_tool_is() -> None:
    assert [tool.name for tool in tools("flux")] == ["source-controller", "kustomize-controller"]
    assert [tool.name for tool in tools("containerd")] == ["containerd"], (
        "a tool's name comes first"
    )
    assert [tool.name for tool in tools("prometheus")] == ["prometheus"]
    with pytest.raises(KeyError):
        tools("nothing")


def test_each_image_is_a_target_of_the_dockerfile() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert set(TARGETS) <= set(re.findall(r"^FROM .* AS (\S+)$", dockerfile, re.MULTILINE))
