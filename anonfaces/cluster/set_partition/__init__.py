"""Bounds and exact choices by column generation over sets of people."""
