"""Builders from a ModelDeployment and inputs to Kubernetes manifests. Pure."""
