"""What the command line does, a file a subject; each says what it prints and how it ends."""
