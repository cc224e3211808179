"""One file an adapter; each registers itself."""
