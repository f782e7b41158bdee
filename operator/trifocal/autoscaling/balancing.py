"""How requests are spread over pods. It decides whether pods share a queue."""

from typing import Literal

Balancing = Literal["shared", "blind"]
"""`shared`: whoever is free takes the next request, as behind a balancer that counts outstanding
requests (Envoy's LEAST_REQUEST). `blind`: each request goes to a pod by chance, as behind a
Service."""
