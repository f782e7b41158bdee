"""`trifocal rollout`: follow, look back, restart, pause, resume."""
