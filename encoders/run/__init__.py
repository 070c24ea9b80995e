"""The encoder's run: photographs to a FaceSet, on all cores, resumable."""
