"""
Sending gift cards by mail.

Needs ``loyalty-core[mail]``. A sink for the outbox: it knows the library from
outside, as a host does, and nothing in the library knows it.
"""

from __future__ import annotations

from loyalty.mail.letters import Letter, Letters
from loyalty.mail.smtp import MailNotSent, Security, SmtpSink

__all__ = ["Letter", "Letters", "MailNotSent", "Security", "SmtpSink"]
