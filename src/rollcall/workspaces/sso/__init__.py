"""Single sign-on of the workspaces half: a relying party of OpenID Connect and a SAML 2.0 service provider of our own."""
