"""Settings of all tests."""

from hypothesis import settings

# A time limit per example fails on a busy machine and proves nothing about the code.
settings.register_profile("trifocal", deadline=None)
settings.load_profile("trifocal")
