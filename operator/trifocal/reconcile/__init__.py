"""Observe, plan, apply, status: the one place where the steps are ordered."""
