"""How fast the house is beside the least that could do its job, measured in one run on one machine."""
