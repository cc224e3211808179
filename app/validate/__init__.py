"""From a Lead to a Verdict: what is wrong with it, what it is worth."""
