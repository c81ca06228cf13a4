"""RFC 7643 and RFC 7644 as values and pure functions; modules are imported by name, the package exports nothing."""
