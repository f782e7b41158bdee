"""Trifocal: optimize, serve and scale vision models on Kubernetes."""

__version__ = "0.1.0"
