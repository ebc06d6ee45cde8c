"""What every agent is doing: signals, their fusion into one state, and the watch that looks at the whole fleet."""
