"""The networks: mapping, synthesis, discriminator, and their configurations."""
