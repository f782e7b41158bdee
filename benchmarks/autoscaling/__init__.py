"""Scaling policies on recorded and built-in loads: what Trifocal's is to show."""
