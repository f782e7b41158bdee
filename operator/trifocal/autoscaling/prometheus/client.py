"""Asks Prometheus' HTTP API: an answer, or one sentence that says why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType

import aiohttp

from trifocal.autoscaling.prometheus.access import PrometheusAccess, Trust
from trifocal.autoscaling.prometheus.answer import Answer, PrometheusError, read_answer, refusal

_NO_ACCESS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_OF_THE_API = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Statuses whose body says what was wrong with the query."""


@dataclass(frozen=True, kw_only=True)
class QueryLimits:
    """What one query may take."""

    seconds: float = 4.0
    """Below the interval of the scaling passes. Prometheus is told too, so that it does not go on
    with a query that nobody waits for."""
    max_bytes: int = 32 * 1024 * 1024
    """Of one answer, unpacked. 500 pods with two models each, of 60 series of 200 bytes, are 12."""


DEFAULT_LIMITS = QueryLimits()
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


class PrometheusClient:
    """Asks one Prometheus over a session whose connections stay open."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        access: PrometheusAccess,
        limits: QueryLimits = DEFAULT_LIMITS,
    ) -> None:
        """Nothing is asked yet, and no file is read."""
        self._session = session
        self._access = access
        self._limits = limits
        self._trust = Trust(access.ca_file)

    async def query(
        self,
        expression: str,
        at: datetime | None = None,
        *,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
    ) -> Answer:
        """What a PromQL expression gives at one time.

        Args:
            expression: An instant vector, a range vector or a scalar.
            at: When it is evaluated; None is the server's present, which sees the newest samples
                also where the clocks disagree.
            parameters: What the URL carries besides, for a proxy in front of Prometheus.

        Raises:
            PrometheusError: There is no answer; the message is a sentence for users.
        """
        form = {"query": expression, "timeout": f"{self._limits.seconds:g}s"}
        if at is not None:
            form["time"] = f"{at.timestamp():.3f}"
        try:
            status, body = await self._post_again_if_cut(form, parameters)
        except TimeoutError as error:
            raise PrometheusError(
                f"{self._url} did not answer within {self._limits.seconds:g} s."
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PrometheusError(f"{self._url} cannot be asked: {error}.") from error
        if status != HTTPStatus.OK:
            raise PrometheusError(self._sentence(status, body))
        return read_answer(body, self._url)

    @property
    def _url(self) -> str:
        return self._access.query_url

    async def _post_again_if_cut(
        self, form: dict[str, str], parameters: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """A kept connection may be one that a restarted Prometheus or a proxy has closed.

        aiohttp itself makes a second attempt for GET alone, since others may change something.
        """
        try:
            return await self._post(form, parameters)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._post(form, parameters)

    async def _post(self, form: dict[str, str], parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """A POST: an expression that names many namespaces may be too long for a URL."""
        async with self._session.post(
            self._url,
            params=parameters,
            data=form,
            headers=self._access.headers(),
            ssl=self._trust.context(),
            timeout=aiohttp.ClientTimeout(total=self._limits.seconds),
            # A redirect would take the credentials elsewhere, and make a GET of the POST.
            allow_redirects=False,
        ) as response:
            return response.status, await self._body(response)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise PrometheusError(f"{self._url} sent more than {self._limits.max_bytes} bytes.")
        return bytes(body)

    def _sentence(self, status: int, body: bytes) -> str:
        said = f"{self._url} answered with status {status}"
        detail = refusal(body)
        if status in _OF_THE_API and detail:
            return f"{said} ({detail})."
        if status in _NO_ACCESS:
            return f"{said}: it wants other credentials than it was given."
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return f"{said}, a redirect, which is not followed: set the URL to where it leads."
        if status == HTTPStatus.NOT_FOUND:
            return f"{said}: the URL must be that of Prometheus' root, without /api/v1."
        return f"{said}."
