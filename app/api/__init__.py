"""HTTP: intake, lead states, confirmations, health."""
