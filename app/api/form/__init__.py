"""The hosted form: what it asks, how it looks, what a browser sends back, and the proof of it all."""
