"""Storage on SQLAlchemy Core: SQLite and PostgreSQL."""

from loyalty.adapters.sqlalchemy.storage import JoinedStorage, SqlAlchemyStorage

__all__ = ["JoinedStorage", "SqlAlchemyStorage"]
