"""What agents take of the machine and how they spend their time."""
