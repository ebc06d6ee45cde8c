"""Delivery with proof: one prompt to one agent, typed at most once, and called sent only when the agent recorded it."""
