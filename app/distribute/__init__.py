"""From an accepted Lead to a buyer's answer."""
