from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import loyalty

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q nox uv && .venv/bin/nox"


def test_page_of_use_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the README runs, in order, in one program, and its assertions hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOYALTY_CODE_SECRET", "the secret of this test, long enough")
    engine = sqlalchemy.create_engine("sqlite:///shop.db")
    orders = sqlalchemy.Table("orders", sqlalchemy.MetaData(), sqlalchemy.Column("id", sqlalchemy.Text))
    orders.metadata.create_all(engine)
    page = Sybil(parsers=[PythonCodeBlockParser()], path=str(ROOT), pattern=README.name).parse(README)
    page.namespace.update(engine=engine, orders=orders)

    ran = 0
    for example in page.examples():
        example.evaluate()
        ran += 1

    page.namespace["storage"].dispose()
    with engine.connect() as connection:
        assert ["1003"] == list(connection.scalars(sqlalchemy.select(orders.c.id)))
    engine.dispose()
    assert README.read_text(encoding="utf-8").count("\n```python\n") == ran


def test_every_name_in_the_page_is_public() -> None:
    """The README imports only names that `loyalty` promises."""
    imports = re.findall(
        r"^from loyalty import \(\n(.*?)^\)", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    names = [name for block in imports for name in re.findall(r"\w+", block)]

    assert names
    assert set(names) <= set(loyalty.__all__)


def test_both_commands_are_on_the_first_screen() -> None:
    """The command for the demonstration and the one for the tests stand in the first forty lines; CI runs this one."""
    first_screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:40])

    assert ".venv/bin/python -m loyalty demo\n" in first_screen
    assert f"{TEST_COMMAND}\n" in first_screen
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_files_to_read_on_exist() -> None:
    """Every path that the README names is there."""
    paths = re.findall(r"`((?:src|docs)/[\w/.-]+|noxfile\.py|CHANGELOG\.md)`", README.read_text(encoding="utf-8"))

    assert len(paths) > 12
    assert [] == [path for path in paths if not (ROOT / path).exists()]
