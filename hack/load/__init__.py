"""Constant load on a served model: requests per second or back to back, every failure counted."""
