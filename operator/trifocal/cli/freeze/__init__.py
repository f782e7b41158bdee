"""`trifocal freeze`: a manifest with today's choices pinned."""
