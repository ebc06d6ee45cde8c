"""The parts of the demo agent (bot/sandbox/agent.py). Standard library only: it must start at once."""
