"""Asks a component whether it is ready."""

import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from .components import Component


def is_healthy(component: Component, pki: Path) -> bool:
    """Whether it answers now; never raises."""
    if component.socket is not None:
        return _accepts(component.socket)
    try:
        context = _context(component, pki) if component.health.startswith("https") else None
        # Never through a proxy of the environment: the address is this machine's.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(component.health, timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, urllib.error.URLError):
        return False


def _context(component: Component, pki: Path) -> ssl.SSLContext:
    if component.authority:
        context = ssl.create_default_context(cafile=str(pki / f"{component.authority}.crt"))
        context.load_cert_chain(pki / f"{component.client}.crt", pki / f"{component.client}.key")
        return context
    # On loopback, with a certificate that the component made for itself at its start:
    # there is nothing to check it against, and only its health is asked.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
