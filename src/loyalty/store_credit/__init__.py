"""Store credit: one balance of one customer in one currency."""
