"""Ways in: what a login page offers, mailed PINs, and the door that a sign-in at a provider leads to."""
