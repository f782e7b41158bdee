"""The commands `trifocal` and `kubectl trifocal`."""
