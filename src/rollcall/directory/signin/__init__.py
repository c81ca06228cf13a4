"""The identity provider: people prove who they are, and applications are told so by OpenID Connect."""
