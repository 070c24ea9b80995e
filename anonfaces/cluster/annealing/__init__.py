"""The grouping engine: simulated annealing over groups of people."""
