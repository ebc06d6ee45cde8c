"""The hooks of the CLIs: put into their settings, and what they tell."""
