"""What is said when a lead has gone its way: to the source that was left without an answer."""
