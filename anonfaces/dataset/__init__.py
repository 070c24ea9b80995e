"""What a condensed dataset is on disk: its files, tables, summary, and its folder."""
