"""`trifocal explain`: why a model is not Ready, and what to do."""
