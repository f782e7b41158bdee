"""`trifocal plan`: what applying a file would cause."""
