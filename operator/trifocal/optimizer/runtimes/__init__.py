"""One module for each runtime that artifacts are built for: how it builds, and how it runs."""
