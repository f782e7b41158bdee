"""Content addresses, manifests, the store, and fetching with verification."""
