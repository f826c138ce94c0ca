"""Questions. Read only."""
