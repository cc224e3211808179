"""Folders on other machines, for whoever fetches files from there or puts some there."""
