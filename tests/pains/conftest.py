"""The mail server that a code may leave by."""

from tests.mail.mailbox import mailbox, server

__all__ = ["mailbox", "server"]
