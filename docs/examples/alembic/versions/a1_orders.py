"""The shop's orders."""

import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None
branch_labels = ("shop",)
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table("orders", sa.Column("id", sa.String(36), primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("orders")
