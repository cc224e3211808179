"""From the bytes a source sent to a Lead."""
