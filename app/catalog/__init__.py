"""Sources, campaigns, buyers and contracts: YAML, rows, and one immutable snapshot."""
