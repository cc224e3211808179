"""One file a check; each registers itself."""
