"""Readers of files from outside: whatever they hold, nothing in them is ever run."""
