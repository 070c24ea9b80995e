"""Recognizers that took no part in making the surrogates."""
