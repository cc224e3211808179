"""One file a kind; each registers itself."""
