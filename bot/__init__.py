"""maf: supervise a fleet of AI coding agents from a phone."""

__version__ = "0.1.0"
