"""A shop's Alembic environment: its own tables, and those of loyalty, which it does not compare with its models."""

from alembic import context
from sqlalchemy import create_engine

config = context.config


def is_the_shops_own(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the tables of loyalty out of what ``alembic revision --autogenerate`` compares."""
    return kind != "table" or not str(name).startswith(str(config.get_main_option("loyalty_prefix")))


engine = create_engine(str(config.get_main_option("sqlalchemy.url")))
with engine.begin() as connection:
    context.configure(connection=connection, include_name=is_the_shops_own)
    context.run_migrations()
engine.dispose()
