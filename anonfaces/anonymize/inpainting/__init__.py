"""Filling the hole where a face was: which hole, the search for what suits it, what is shown."""
