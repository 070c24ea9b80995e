"""The main job: photographs or vectors in, a condensed dataset out."""
