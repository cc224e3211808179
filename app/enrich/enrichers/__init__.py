"""Enrichers, one file each."""
