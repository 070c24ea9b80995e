"""Video: frames, tracks, one surrogate a track."""
