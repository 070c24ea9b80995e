"""Where the face comes from that replaces another."""
