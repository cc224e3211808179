"""The path of a lead through the stages, in batches; what the stages may not know of one another."""
