"""A real one-node Kubernetes on a Debian machine, from package registries alone.

Standard library only: it runs with the system's Python before anything is installed.
"""
