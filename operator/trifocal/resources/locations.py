"""Where a pod finds the tenant's bytes: claims and Secrets as volumes, URIs inside it. Pure."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trifocal.api.location import Location, VerifiedLocation
from trifocal.optimizer.contract import ResolvedLocation
from trifocal.resources.pod import mount

_FILE_SCHEME = "file://"
_SECRETS = "/secrets"
_SECRET_FILE_MODE = 0o440
"""Readable by the pod's group (fsGroup), by nobody else."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One location in the role that it plays for a pod."""

    role: str
    location: Location
    path: str
    """Where the claim of a file:// location is mounted."""
    writable: bool = False

    @property
    def credentials_dir(self) -> str | None:
        """Folder with one file for each key of the Secret; None without one."""
        return f"{_SECRETS}/{self.role}" if self.location.secret_ref else None

    @property
    def uri(self) -> str:
        """The URI inside the pod: a file:// path cannot point out of its claim."""
        uri = self.location.uri
        if not uri.startswith(_FILE_SCHEME):
            return uri
        inside = posixpath.normpath("/" + uri.removeprefix(_FILE_SCHEME).lstrip("/"))
        return f"{_FILE_SCHEME}{self.path}{inside.rstrip('/')}"


def resolve(place: Place) -> ResolvedLocation:
    """The location in the optimization Job's words."""
    location = place.location
    return ResolvedLocation(
        uri=place.uri,
        digest=location.digest if isinstance(location, VerifiedLocation) else None,
        endpoint=location.endpoint,
        credentials_dir=place.credentials_dir,
    )


def volumes(places: Sequence[Place]) -> list[dict[str, Any]]:
    """One volume for each claim and each role's Secret.

    A claim that several roles use is one volume with several mounts: a pod that names one claim
    in two volumes may never start (kubernetes/kubernetes#132921, open).
    """
    return [
        *(
            {"name": _claim_volume(places, claim), "persistentVolumeClaim": {"claimName": claim}}
            for claim in _claims(places)
        ),
        *(
            {
                "name": f"secret-{place.role}",
                "secret": {
                    "secretName": place.location.secret_ref.name,
                    "defaultMode": _SECRET_FILE_MODE,
                    "optional": False,
                },
            }
            for place in places
            if place.location.secret_ref
        ),
    ]


def mounts(places: Sequence[Place]) -> list[dict[str, Any]]:
    """Every role's claim under its path, read-only unless it is written to; every Secret too."""
    return [
        *(
            mount(
                _claim_volume(places, place.location.claim_name),
                place.path,
                read_only=not place.writable,
            )
            for place in places
            if place.location.claim_name
        ),
        *(
            mount(f"secret-{place.role}", f"{_SECRETS}/{place.role}", read_only=True)
            for place in places
            if place.location.secret_ref
        ),
    ]


def _claims(places: Sequence[Place]) -> list[str]:
    return list(dict.fromkeys(p.location.claim_name for p in places if p.location.claim_name))


def _claim_volume(places: Sequence[Place], claim: str) -> str:
    return f"claim-{_claims(places).index(claim)}"
