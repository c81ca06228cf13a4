"""Provisioning: makes targets agree with sources, and says what it did."""
