"""Where numbers come from: each source tells what it read, how old it is, and why if it could not."""
