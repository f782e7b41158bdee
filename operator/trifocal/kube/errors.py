"""What can go wrong with the API server, as three kinds that callers act on differently."""

import json
from collections.abc import Mapping
from http import HTTPStatus

DEFAULT_RETRY_SECONDS = 1.0
"""Wait after a failure that names no time: client-go's default for a missing Retry-After."""

_TRANSIENT = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class ApiError(Exception):
    """A request that did not succeed."""


class Refused(ApiError):  # noqa: N818 - named for what the server did
    """The server said no (conflict, forbidden, invalid): asking again alone changes nothing.

    Attributes:
        status: HTTP status.
        reason: the API's word, such as Forbidden, Invalid, Conflict or AlreadyExists.
        message: the server's sentence.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def is_conflict(self) -> bool:
        """Whether a precondition did not hold: the object is another one, or of another version."""
        return self.reason == "Conflict"


class Transient(ApiError):  # noqa: N818 - named for what callers do: try later
    """The request may succeed later: overload, restart, network, expired credentials.

    Attributes:
        retry_after: seconds to wait at least.
    """

    def __init__(self, message: str, retry_after: float = DEFAULT_RETRY_SECONDS) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(ApiError):  # noqa: N818 - HTTP's word
    """The object, its namespace or its kind does not exist."""


def from_response(
    status: int, body: str | None, headers: Mapping[str, str] | None, what: str
) -> ApiError:
    """The error that an HTTP answer stands for.

    Args:
        status: HTTP status, 400 or more.
        body: the answer's text; a `Status` object unless something in between answered.
        headers: the answer's headers.
        what: the request in words, for messages.
    """
    reason, message = _status_object(body)
    sentence = f"{what}: {message or HTTPStatus(status).phrase} (HTTP {status})"
    if status in _GONE:
        return Gone(sentence)
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient(sentence, _retry_after(headers))
    return Refused(status, reason or HTTPStatus(status).phrase, message or sentence)


def _status_object(body: str | None) -> tuple[str, str]:
    try:
        answer = json.loads(body or "")
    except ValueError:
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    return str(answer.get("reason") or ""), str(answer.get("message") or "")


def _retry_after(headers: Mapping[str, str] | None) -> float:
    try:
        return max(0.0, float((headers or {}).get("Retry-After", DEFAULT_RETRY_SECONDS)))
    except ValueError:
        return DEFAULT_RETRY_SECONDS
