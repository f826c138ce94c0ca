"""The secret on the card: how it is written, checked, minted, and remembered without being stored."""
