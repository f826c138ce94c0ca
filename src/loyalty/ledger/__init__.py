"""Value and how it moves. This room has never heard of cards or customers."""
