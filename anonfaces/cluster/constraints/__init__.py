"""What is asked of groups beyond k: l-diversity, t-closeness, strata."""
