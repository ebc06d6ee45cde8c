"""The life of agents: started, held, interrupted, adopted, stopped, and what they leave behind."""
