"""The mail server that cards are mailed through."""

from tests.mail.mailbox import mailbox, server

__all__ = ["mailbox", "server"]
