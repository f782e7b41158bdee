"""Replays a load trace against scaling policies, request by request: `trifocal simulate`."""
