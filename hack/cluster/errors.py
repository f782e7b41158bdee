"""The one exception that this package shows to a person."""


class ClusterError(Exception):
    """What was wrong and what to do next, in one sentence."""
