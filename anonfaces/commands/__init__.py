"""Commands that need more than one stage."""
