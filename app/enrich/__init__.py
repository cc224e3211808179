"""Looks up what a lead does not say: fields that services, tables and what is known offline fill in."""
