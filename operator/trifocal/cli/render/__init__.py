"""`trifocal render`: what the operator would make of a file."""
