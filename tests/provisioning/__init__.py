"""Tests of provisioning on the database."""
