"""Rollcall: identity provisioning, both halves: the directory and the application it provisions."""

__version__ = "0.1.0"
