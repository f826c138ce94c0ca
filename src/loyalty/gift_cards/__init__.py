"""Gift cards: stored value that a bearer can spend with a code."""
