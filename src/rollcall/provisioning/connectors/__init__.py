"""Connectors: one file for each system provisioning reads from or writes to."""
