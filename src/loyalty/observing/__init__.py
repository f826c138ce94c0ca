"""How operations went: measured here, logged here, and told to a host's observer."""
