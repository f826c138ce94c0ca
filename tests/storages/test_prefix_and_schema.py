"""Several shops beside a host's own tables: a prefix, and a schema where there are schemas."""

from __future__ import annotations

import pytest
from moneyed import Money
from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from loyalty import Audit, CodeKeys, ConvertGiftCard, IssueGiftCard, Loyalty, RedeemGiftCard, RefundRedemption
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import InvalidRequest
from tests.servers import mariadb


def trade(storage: SqlAlchemyStorage) -> int:
    """Issue, spend, refund and convert one card; return how many accounts the audit saw."""
    storage.upgrade()
    storage.upgrade()
    loyalty = Loyalty(storage, code_keys=CodeKeys.generate())
    code = loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="issue")).code
    loyalty.execute(RedeemGiftCard(code=code, amount=Money("30.00", "USD"), order_id="1", idempotency_key="pay"))
    loyalty.execute(RefundRedemption(order_id="1", amount=Money("5.00", "USD"), idempotency_key="return"))
    loyalty.execute(ConvertGiftCard(code=code, customer_id="ada", idempotency_key="convert"))
    report = loyalty.ask(Audit())
    assert () == report.findings
    return report.accounts


@pytest.mark.parametrize("database", ["sqlite_url", "postgresql_database", "mariadb_database"])
def test_two_shops_in_one_database(request: pytest.FixtureRequest, database: str) -> None:
    """Two prefixes keep two shops apart."""
    url = request.getfixturevalue(database)
    shops = [SqlAlchemyStorage(url, prefix=prefix) for prefix in ("north_", "south_")]

    assert [2, 2] == [trade(shop) for shop in shops]
    names = inspect(shops[0].engine).get_table_names()
    assert {"north", "south"} == {name.split("_")[0] for name in names}
    for shop in shops:
        shop.dispose()


def test_two_shops_in_two_databases_of_one_server(mariadb_url: str, mariadb_database: str) -> None:
    """What others call a schema is a database on MariaDB; one connection reaches all, and makes what is missing."""
    schemas = [f"{make_url(mariadb_database).database}-{name}" for name in ("north", "South Shop")]
    shops = [SqlAlchemyStorage(mariadb_database, schema=schema) for schema in schemas]

    try:
        assert [2, 2] == [trade(shop) for shop in shops]
        inspector = inspect(shops[0].engine)
        assert [] == inspector.get_table_names()
        assert set(inspector.get_table_names(schemas[0])) == set(inspector.get_table_names(schemas[1]))
    finally:
        for shop, schema in zip(shops, schemas, strict=True):
            mariadb.execute(mariadb_url, f"DROP DATABASE IF EXISTS `{schema}`")
            shop.dispose()


def test_two_shops_in_two_schemas(postgresql_database: str) -> None:
    """Two schemas keep two shops apart in one PostgreSQL database, and are made if they are missing."""
    shops = [SqlAlchemyStorage(postgresql_database, schema=schema) for schema in ("north", "South Shop")]

    assert [2, 2] == [trade(shop) for shop in shops]
    inspector = inspect(shops[0].engine)
    assert [] == inspector.get_table_names()
    assert set(inspector.get_table_names("north")) == set(inspector.get_table_names("South Shop"))
    for shop in shops:
        shop.dispose()


@pytest.mark.parametrize("prefix", ["", "A_", "a-b", "x" * 31, "a;drop table", None, 5])
def test_a_prefix_is_a_plain_name(sqlite_url: str, prefix: str) -> None:
    """A prefix that is no plain name is refused before anything is connected."""
    with pytest.raises(InvalidRequest):
        SqlAlchemyStorage(sqlite_url, prefix=prefix)
