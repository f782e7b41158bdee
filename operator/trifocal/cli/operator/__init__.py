"""`trifocal operator`: the long-running process."""
