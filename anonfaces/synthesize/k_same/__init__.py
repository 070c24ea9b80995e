"""The k-Same family of surrogates."""
