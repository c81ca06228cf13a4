"""SCIM on the wire: a server over a ResourceStore of six methods, and a client with typed answers."""
