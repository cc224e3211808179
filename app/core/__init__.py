"""What every room stands on: registry, world, errors, events, expressions. No I/O."""
