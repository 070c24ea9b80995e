"""Surrogates from a StyleGAN generator."""
