"""A real Prometheus behind TLS and a password."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.support.prometheus_server import PrometheusServer, prometheus_server
from trifocal.autoscaling.prometheus.access import PrometheusAccess
from trifocal.autoscaling.prometheus.answer import PrometheusError
from trifocal.autoscaling.prometheus.client import PrometheusClient

pytestmark = pytest.mark.integration

PASSWORD_HASH = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"  # noqa: S105
"""Of "open sesame", by bcrypt, as Prometheus wants it."""


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    folder = tmp_path_factory.mktemp("prometheus")
    certificate, key = folder / "ca.crt", folder / "tls.key"
    subprocess.run(  # noqa: S603 - the test's own words
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", certificate, "-days", "2"),
            *("-subj", "/CN=prometheus", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    web = {
        "tls_server_config": {"cert_file": str(certificate), "key_file": str(key)},
        "basic_auth_users": {"trifocal": PASSWORD_HASH},
    }
    with prometheus_server(folder, web=web) as server:
        yield server


@pytest.fixture(name="access")
def _access(server: PrometheusServer, tmp_path: Path) -> PrometheusAccess:
    (tmp_path / "username").write_text("trifocal")
    (tmp_path / "password").write_text("open sesame")
    return PrometheusAccess(url=server.url, basic_auth=tmp_path, ca_file=server.folder / "ca.crt")


async def ask(access: PrometheusAccess, expression: str = "vector(42)") -> float:
    async with aiohttp.ClientSession() as session:
        answer = await PrometheusClient(session, access).query(expression)
    return answer.series[0].points[0].value


async def test_the_password_and_the_certificate_open_it(access: PrometheusAccess) -> None:
    assert await ask(access) == 42


async def test_a_wrong_password_is_told(access: PrometheusAccess, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open barley")
    with pytest.raises(PrometheusError, match="status 401: it wants other credentials"):
        await ask(access)


async def test_a_certificate_that_nobody_trusts_is_told(access: PrometheusAccess) -> None:
    with pytest.raises(PrometheusError, match=r"cannot be asked: .*certificate verify failed"):
        await ask(replace(access, ca_file=None))


async def test_a_query_that_is_none_is_told(access: PrometheusAccess) -> None:
    with pytest.raises(PrometheusError, match=r"status 400 \(bad_data: .*parse error"):
        await ask(access, "sum by (")
