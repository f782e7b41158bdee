"""Draws what policies did; the one part that needs matplotlib, which is imported when called."""
