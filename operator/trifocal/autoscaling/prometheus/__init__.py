"""Prometheus as the scaling signal's source: for pods that the operator may not reach itself."""
