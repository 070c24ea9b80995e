"""Partitioners of the literature, to compare with."""
