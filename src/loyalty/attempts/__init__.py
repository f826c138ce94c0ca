"""Keeping strangers from guessing codes: who is asked when, and how attempts are counted by default."""
