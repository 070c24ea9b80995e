"""Surrogates that are pictures of a gallery of people who do not exist, at their full size."""
