"""Variants of the source that are tried: one module for each precision."""
