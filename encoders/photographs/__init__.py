"""Photographs as files: finding, naming and reading them."""
