"""Importing gift cards: rows and files, what is checked before anything is done, and that twice is once."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

from loyalty import (
    Audit,
    CodeFormat,
    CodeKeys,
    GetBalance,
    GetGiftCard,
    GiftCardRow,
    HouseAccount,
    ImportGiftCards,
    ImportReport,
    LotOrigin,
    RedeemGiftCard,
    ReplaceGiftCardCode,
    ReverseTransfer,
    RowOutcome,
    TransferKind,
    UnreadableRow,
    gift_card_rows,
)
from loyalty.codes.code import GiftCardCode
from loyalty.errors import (
    CurrencyMismatch,
    DuplicateRecord,
    IdempotencyConflict,
    InvalidAmount,
    InvalidImport,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
)
from loyalty.ledger.transfer import Reference
from loyalty.ports.storage import TransferFilter
from loyalty.testing.cut_off import CutOff, CutOffStorage
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, SECRET, Shop, usd

CHOOSING: Final = CodeFormat(allow_chosen=True)


def shop_that_imports() -> Shop:
    """Return a shop that takes codes of another system."""
    return Shop(code_format=CHOOSING)


def row(number: int, /, **given: Any) -> GiftCardRow:
    """Return a row of 50.00 dollars with a code of its own."""
    return GiftCardRow(**{"source_id": f"{number}", "value": usd("50.00"), "code": code(number), **given})


def code(number: int) -> str:
    """Return the code of the other system's card of this number."""
    return f"OLD-CARD-{number:06d}"


def importing(*rows: GiftCardRow | UnreadableRow, **given: Any) -> ImportGiftCards:
    """Return an import of rows."""
    return ImportGiftCards(**{"source": "nop", "rows": rows, "idempotency_key": "import", **given})


def outcomes(report: ImportReport) -> list[tuple[int, str, str | None]]:
    """Return what became of each row."""
    return [(one.number, one.outcome.value, one.reason) for one in report.rows]


# --- what a row becomes -----------------------------------------------------------------------------------------------


def test_every_fact_of_a_row_is_kept() -> None:
    """The card has its face value, what was left on it, and all that the other system knew; the house gave it."""
    shop = shop_that_imports()
    said = row(
        1,
        balance=usd("20.00"),
        expires_at=NOW + DAY,
        customer_id="ada",
        region="eu",
        tax_rate="19",
        origin=LotOrigin.PURCHASED,
        note="=1+1",
        tags=["old"],
    )
    (one,) = shop.execute_twice(importing(said, actor="staff/7")).rows
    card = shop.ask(GetGiftCard(id=str(one.gift_card_id)))

    assert (1, "1", RowOutcome.IMPORTED, None) == (one.number, one.source_id, one.outcome, one.reason)
    assert (usd("50.00"), usd("20.00"), usd("20.00")) == (card.value, card.posted, card.available)
    assert (NOW + DAY, "ada", NOW, "eu", Decimal(19), LotOrigin.PURCHASED, "=1+1", ("old",)) == (
        card.expires_at, card.customer_id, card.claimed_at, card.region, card.tax_rate, card.origin, card.note,
        card.tags,
    )  # fmt: skip
    (transfer,) = shop.storage.read(lambda reader: list(reader.transfers(TransferFilter())))
    assert (TransferKind.IMPORT, HouseAccount.MIGRATION, 2000, "staff/7", Reference("nop", "1")) == (
        transfer.kind, transfer.debit.house, transfer.amount, transfer.actor, transfer.reference,
    )  # fmt: skip
    assert usd("20.00") == shop.ask(GetBalance(code=code(1), customer_id="ada")).posted
    assert shop.ask(Audit()).is_clean


def test_a_card_with_nothing_left_is_imported_without_a_transfer() -> None:
    """It is exhausted, its code is known, and its history can be found."""
    shop = shop_that_imports()
    report = shop.execute(importing(row(1, balance=usd("0.00"))))
    card = shop.ask(GetGiftCard(id=str(report.rows[0].gift_card_id)))

    assert (usd("50.00"), usd("0.00"), True) == (card.value, card.posted, card.is_exhausted)
    assert [] == shop.storage.read(lambda reader: list(reader.transfers(TransferFilter())))
    assert shop.ask(Audit()).is_clean


def test_a_card_is_imported_by_its_digest_alone() -> None:
    """Whoever has the old code spends it, although nobody told it here; it need not be a code that may be chosen."""
    shop = Shop()
    known = GiftCardCode.of("SECRET-OF-THE-BEARER")
    by_digest = row(1, code=None, code_digest=KEYS.digest(known), code_key_id=KEYS.current_id, last_four="ARER")
    shop.execute(importing(by_digest))
    shop.loyalty = Shop(code_format=CHOOSING).loyalty.using(shop.storage)

    redeemed = shop.execute(
        RedeemGiftCard(code="secret of the bearer", amount=usd("50.00"), order_id="1", idempotency_key="k")
    )
    assert usd("0.00") == redeemed.balance_after


def test_a_digest_under_a_retired_key_is_found_and_one_under_an_unknown_key_is_refused() -> None:
    """Nobody could ever spend the latter."""
    shop = shop_that_imports()
    keys = CodeKeys.from_secret("another secret of the shop", retired=[SECRET])
    shop.loyalty = shop.with_keys(keys)
    known, stranger = GiftCardCode.of(code(1)), CodeKeys.from_secret("the secret of some other shop")
    digests = [
        row(number, code=None, code_digest=ring.digest(known), code_key_id=ring.current_id, last_four="0001")
        for number, ring in ((1, KEYS), (2, stranger))
    ]
    report = shop.execute(importing(*digests, is_strict=False))

    assert [(1, "imported", None), (2, "refused", "unknown_key")] == outcomes(report)
    assert usd("50.00") == shop.ask(GetBalance(code=code(1))).posted


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"source_id": ""}, InvalidRequest),
        ({"source_id": "x" * 201}, InvalidRequest),
        ({"value": usd("0")}, InvalidAmount),
        ({"value": Money("0.001", "USD")}, InvalidAmount),
        ({"balance": usd("-0.01")}, InvalidAmount),
        ({"balance": usd("50.01")}, InvalidAmount),
        ({"balance": Money("1", "EUR")}, CurrencyMismatch),
        ({"balance": 5}, InvalidAmount),
        ({"code": "Ä-CODE"}, MalformedCode),
        ({"code": None}, InvalidRequest),
        ({"code_digest": "0" * 64, "code_key_id": "0" * 16, "last_four": "ABCD"}, InvalidRequest),
        ({"code": None, "code_digest": "0" * 64}, InvalidRequest),
        ({"code": None, "code_digest": "0" * 63, "code_key_id": "0" * 16, "last_four": "ABCD"}, InvalidRequest),
        ({"code": None, "code_digest": "A" * 64, "code_key_id": "0" * 16, "last_four": "ABCD"}, InvalidRequest),
        ({"code": None, "code_digest": "0" * 64, "code_key_id": "key", "last_four": "ABCD"}, InvalidRequest),
        ({"code": None, "code_digest": "0" * 64, "code_key_id": "0" * 16, "last_four": "ABCDE"}, InvalidRequest),
        ({"code": None, "code_digest": 0, "code_key_id": "0" * 16, "last_four": "ABCD"}, InvalidRequest),
        ({"expires_at": datetime(2027, 1, 1)}, InvalidTime),  # noqa: DTZ001 - that is what is wrong with it
        ({"tax_rate": "101"}, InvalidAmount),
        ({"origin": "migration"}, InvalidRequest),
        ({"note": ""}, InvalidRequest),
        ({"tags": "old"}, InvalidRequest),
        ({"number": 0}, InvalidRequest),
        ({"customer_id": 5}, InvalidRequest),
        ({"region": 5}, InvalidRequest),
    ],
)
def test_a_wrong_row_cannot_be_made(wrong: dict[str, Any], error: type[LoyaltyError]) -> None:
    """The error is one of ours and never repeats a code."""
    with pytest.raises(error) as caught:
        row(1, **wrong)
    assert code(1) not in str(caught.value)


# --- all rows are checked first ---------------------------------------------------------------------------------------


def bad_rows(shop: Shop) -> tuple[GiftCardRow | UnreadableRow, ...]:
    """Return rows of which each is refused for another reason, but for the first two."""
    shop.issue("5.00", code=code(90))
    shop.execute(importing(row(91), idempotency_key="earlier"))
    return (
        row(1),
        row(91),
        row(1, code=code(2)),
        row(3, code=code(1)),
        row(91, balance=usd("1.00"), number=77),
        row(5, code="SHORT"),
        row(6, code="GIFT-ABCD-EFGH-JKMN"),
        row(7, expires_at=NOW),
        row(8, code=code(90)),
        UnreadableRow(number=12, source_id="9", reason="invalid_amount", message="an amount is wrong"),
        row(10, expires_at=NOW + MICROSECOND),
    )


REFUSED: Final = [
    (3, "repeated"), (4, "repeated"), (77, "repeated"), (6, "malformed_code"), (7, "malformed_code"), (8, "expired"),
    (9, "code_taken"), (12, "invalid_amount"),
]  # fmt: skip


def test_a_strict_import_with_a_single_bad_row_does_nothing() -> None:
    """It tells the rows and why, and the key is free for the corrected file."""
    shop = shop_that_imports()
    rows = bad_rows(shop)
    before = shop.books()
    with pytest.raises(InvalidImport) as caught:
        shop.execute(importing(*rows, rows_per_step=1))

    assert before == shop.books()
    assert tuple(REFUSED) == caught.value.rows
    assert "8 rows would be refused, the first is row 3: repeated" == str(caught.value)
    good = [one for place, one in enumerate(rows, start=1) if place in {1, 2, 11}]
    assert 2 == shop.execute(importing(*good)).imported


@pytest.mark.parametrize("per_step", [1, 2, 1000])
def test_an_import_that_is_not_strict_takes_the_good_rows_and_tells_of_the_others(per_step: int) -> None:
    """However many rows a step takes, it comes to the same, and the same command again answers the same."""
    shop = shop_that_imports()
    rows = bad_rows(shop)
    report = shop.execute_twice(importing(*rows, is_strict=False, rows_per_step=per_step))

    assert REFUSED == [(number, reason) for number, outcome, reason in outcomes(report) if outcome == "refused"]
    assert [1, 11] == [number for number, outcome, _ in outcomes(report) if outcome == "imported"]
    assert [2] == [number for number, outcome, _ in outcomes(report) if outcome == "known"]
    assert (2, 1, 8, (usd("150.00"),)) == (report.imported, report.known, report.refused, report.totals)
    assert shop.ask(Audit()).is_clean


def test_a_dry_run_tells_the_same_and_writes_nothing() -> None:
    """Row by row and in total; also with a key that is used for the import itself afterwards."""
    shop = shop_that_imports()
    rows = bad_rows(shop)
    before = shop.books()
    dry = shop.execute(importing(*rows, is_dry_run=True))

    assert before == shop.books()
    real = shop.execute(importing(*rows, is_strict=False))
    assert (True, False) == (dry.is_dry_run, real.is_dry_run)
    assert outcomes(dry) == outcomes(real)
    assert (dry.totals, dry.imported, dry.known) == (real.totals, real.imported, real.known)
    assert [None] * 2 == [one.gift_card_id for one in dry.rows if one.outcome is RowOutcome.IMPORTED]


def test_codes_need_a_format_that_allows_them() -> None:
    """Pain 26: merchant-chosen codes are a decision of their own."""
    shop = Shop()
    for dry in (True, False):
        with pytest.raises(InvalidRequest, match="not allowed"):
            shop.execute(importing(row(1), is_dry_run=dry))
    assert 0 == len(shop.books().receipts)


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ({"expected_rows": 3}, True),
        ({"expected_rows": 2}, False),
        ({"expected_rows": 4}, False),
        ({"expected_totals": [usd("70.00"), Money("5", "EUR")]}, True),
        ({"expected_totals": [Money("5", "EUR"), usd("70.00")]}, True),
        ({"expected_totals": [usd("70.01"), Money("5", "EUR")]}, False),
        ({"expected_totals": [usd("70.00")]}, False),
        ({"expected_totals": [usd("70.00"), Money("5", "EUR"), Money("1", "CHF")]}, False),
        ({"expected_totals": []}, True),
    ],
)
def test_totals_tie_to_what_was_expected(expected: dict[str, Any], fits: bool) -> None:
    """The number of rows and the sum per currency; also in a dry run."""
    shop = shop_that_imports()
    rows = (row(1), row(2, balance=usd("20.00")), row(3, value=Money("5", "EUR")))
    for dry in (True, False):
        if fits:
            shop.execute(importing(*rows, is_dry_run=dry, **expected))
            continue
        with pytest.raises(InvalidImport):
            shop.execute(importing(*rows, is_dry_run=dry, **expected))
    assert (3 if fits else 0) == len(shop.storage._books.cards)


def test_a_currency_of_nothing_need_not_be_expected() -> None:
    """An empty card adds nothing."""
    shop = shop_that_imports()
    rows = (row(1), row(2, value=Money("5", "EUR"), balance=Money("0", "EUR")))
    assert 2 == shop.execute(importing(*rows, expected_totals=[usd("50.00")])).imported


@pytest.mark.parametrize("rows", [(), None, "rows", [5], [{"source_id": "1"}], (row(1),) * 100_001])
def test_rows_must_be_rows(rows: Any) -> None:
    """At least one and at most 100,000."""
    with pytest.raises(InvalidRequest):
        ImportGiftCards(source="nop", rows=rows, idempotency_key="k")


# --- twice is once ----------------------------------------------------------------------------------------------------


def test_pain_45_moving_in() -> None:
    """Imported twice is once, under whatever key; totals tie to the file."""
    shop = shop_that_imports()
    rows = [row(number, balance=usd(f"{number}.00")) for number in range(1, 8)]
    first = shop.execute_twice(importing(*rows, rows_per_step=3))
    again = shop.execute_twice(importing(*rows, rows_per_step=2, idempotency_key="again"))

    assert (7, 0, 0, 7) == (first.imported, first.known, again.imported, again.known)
    assert [one.gift_card_id for one in first.rows] == [one.gift_card_id for one in again.rows]
    assert (usd("28.00"),) == first.totals == again.totals
    assert 7 == len(shop.storage._books.cards)
    assert shop.ask(Audit()).is_clean


def test_a_card_that_lived_on_here_is_still_known() -> None:
    """What was spent, replaced or noted since does not make it another row."""
    shop = shop_that_imports()
    (one,) = shop.execute(importing(row(1))).rows
    shop.execute(RedeemGiftCard(code=code(1), amount=usd("9.00"), order_id="1", idempotency_key="k"))
    shop.execute(ReplaceGiftCardCode(gift_card_id=str(one.gift_card_id), idempotency_key="l"))

    (again,) = shop.execute(importing(row(1), idempotency_key="again")).rows
    assert (RowOutcome.KNOWN, one.gift_card_id) == (again.outcome, again.gift_card_id)


@pytest.mark.parametrize(
    "other",
    [{"balance": usd("49.99")}, {"code": code(9)}, {"note": "new"}, {"expires_at": NOW + DAY}, {"customer_id": "bo"}],
)
def test_a_changed_row_under_a_known_source_id_is_refused(other: dict[str, Any]) -> None:
    """Nobody's balance is set by a second file."""
    shop = shop_that_imports()
    shop.execute(importing(row(1)))
    report = shop.execute(importing(row(1, **other), is_strict=False, idempotency_key="again"))

    assert [(1, "refused", "changed")] == outcomes(report)
    assert usd("50.00") == shop.ask(GetBalance(code=code(1))).posted


def test_the_same_id_in_another_system_is_another_card() -> None:
    """Ids are unique per source."""
    shop = shop_that_imports()
    shop.execute(importing(row(1)))
    assert 1 == shop.execute(importing(row(1, code=code(2)), source="vtex", idempotency_key="k")).imported


def test_known_rows_are_still_known_after_a_rotation_of_keys() -> None:
    """As long as the old secret is on the ring; without it nobody can tell."""
    shop = shop_that_imports()
    shop.execute(importing(row(1)))
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("another secret of the shop", retired=[SECRET]))
    assert 1 == shop.execute(importing(row(1), idempotency_key="k")).known
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("another secret of the shop"))
    report = shop.execute(importing(row(1), is_strict=False, idempotency_key="l"))
    assert [(1, "refused", "unknown_key")] == outcomes(report)


def test_an_import_that_was_cut_off_goes_on_where_it_stopped() -> None:
    """And tells of a row that stopped being acceptable meanwhile, instead of stopping half-way for ever."""
    shop = shop_that_imports()
    command = importing(*[row(number) for number in range(1, 6)], rows_per_step=2)
    with pytest.raises(CutOff):
        shop.loyalty.using(CutOffStorage(shop.storage, 1)).execute(command)
    assert 2 == len(shop.storage._books.cards)
    shop.issue("5.00", code=code(4))
    report = shop.execute_twice(command)

    assert [(4, "refused", "code_taken")] == [one for one in outcomes(report) if one[1] != "imported"]
    assert (4, (usd("200.00"),)) == (report.imported, report.totals)


def test_other_rows_under_the_key_of_an_import_are_a_conflict() -> None:
    """A single cent is enough."""
    shop = shop_that_imports()
    shop.execute(importing(row(1)))
    with pytest.raises(IdempotencyConflict):
        shop.execute(importing(row(1, balance=usd("49.99"))))
    with pytest.raises(IdempotencyConflict):
        shop.execute(importing(row(1, code=code(2))))


def test_an_import_can_be_reversed_while_its_value_is_there() -> None:
    """It goes back to the migration account; what was spent of it cannot."""
    shop = shop_that_imports()
    shop.execute(importing(row(1), row(2)))
    first, second = shop.storage.read(lambda reader: list(reader.transfers(TransferFilter())))
    reverse = ReverseTransfer(transfer_id=first.id, actor="staff", reason="a wrong file", idempotency_key="r")
    shop.execute(reverse)
    shop.execute(RedeemGiftCard(code=code(2), amount=usd("0.01"), order_id="1", idempotency_key="k"))
    with pytest.raises(LoyaltyError):
        shop.execute(attrs.evolve(reverse, transfer_id=second.id, idempotency_key="s"))

    assert usd("0.00") == shop.ask(GetBalance(code=code(1))).posted
    assert HouseAccount.MIGRATION is next(
        one.credit.house
        for one in shop.storage.read(lambda reader: list(reader.transfers(TransferFilter())))
        if one.kind is TransferKind.REVERSAL
    )
    assert 1 == shop.execute(importing(row(1), idempotency_key="again")).known
    assert shop.ask(Audit()).is_clean


def test_a_code_that_is_taken_at_the_last_moment_is_told() -> None:
    """Two cards never share a code, also if the check came before the other card."""
    shop = shop_that_imports()
    shop.issue("5.00", code=code(1))
    shop.storage._books.digests.clear()

    def forget(work: Any) -> Any:
        return work

    assert forget(shop) is shop
    shop.storage._books.digests[KEYS.digest(GiftCardCode.of(code(1)))] = next(iter(shop.storage._books.cards))
    with pytest.raises((InvalidImport, DuplicateRecord)):
        shop.execute(importing(row(1)))


def test_neither_report_nor_books_show_a_code() -> None:
    """Not in the answer, an event, a receipt or a message."""
    shop = shop_that_imports()
    command = importing(row(1), row(2, code="SHORT"), row(3, code=code(1)), is_strict=False)
    report = shop.execute(command)
    shown = repr(report) + repr(command) + repr(shop.books())

    for secret in ("OLDCARD000001", "OLD-CARD-000001", "SHORT"):
        assert secret not in shown


# --- files ------------------------------------------------------------------------------------------------------------

HEADER: Final = "source_id,value,currency,balance,code,expires_at,customer_id,region,tax_rate,origin,note,tags\n"
LINES: Final = (
    '1,50.00,USD,20.00,OLD-CARD-000001,2030-01-01T00:00:00+01:00,ada,eu,19.5,purchased,"a ""note"", with\nlines",a|b\n'
    "2,500,JPY,,OLD-CARD-000002,,,,,,=1+1,\n"
)


@pytest.mark.parametrize(
    "file",
    [
        HEADER + LINES,
        (HEADER + LINES).encode(),
        ("\ufeff" + HEADER + LINES).encode(),
        "\ufeff" + HEADER + LINES,
        io.StringIO(HEADER + LINES),
        io.BytesIO((HEADER + LINES).encode()),
        (HEADER + LINES).replace("\n", "\r\n"),
        HEADER.upper() + "\n" + LINES + "\n,,,,,,,,,,,\n",
        HEADER.replace(",", " , ") + LINES,
    ],
    ids=["text", "bytes", "mark in bytes", "mark", "open text", "open bytes", "CRLF", "blank lines", "spaces"],
)
def test_a_file_is_read(file: Any) -> None:
    """As text, bytes or open file, with or without a mark, with any line ends; a formula is only text."""
    first, second = gift_card_rows(file)

    assert isinstance(first, GiftCardRow)
    assert isinstance(second, GiftCardRow)
    assert ("1", usd("50.00"), usd("20.00"), GiftCardCode.of(code(1)), datetime(2029, 12, 31, 23, tzinfo=UTC)) == (
        first.source_id, first.value, first.balance, first.code, first.expires_at,
    )  # fmt: skip
    assert ("ada", "eu", Decimal("19.5"), LotOrigin.PURCHASED, ("a", "b")) == (
        first.customer_id, first.region, first.tax_rate, first.origin, first.tags,
    )  # fmt: skip
    assert 'a "note", with' == str(first.note).splitlines()[0]
    assert (Money("500", "JPY"), None, "=1+1", ()) == (second.value, second.balance, second.note, second.tags)
    assert 2 == first.number or "\n\n" in str(file)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_are_divided_as_said(delimiter: str) -> None:
    """By comma, semicolon, tab or bar."""
    text = "source_id,value,currency,code\n1,5,USD,OLD-CARD-000001\n".replace(",", delimiter)
    (one,) = gift_card_rows(text, delimiter=delimiter)
    assert row(1, value=usd("5"), number=2) == one


@pytest.mark.parametrize(
    "file",
    [
        "",
        "\n",
        HEADER,
        "source_id,value,code\n1,5,OLD-CARD-000001\n",
        "source_id,value,currency\n1,5,USD\n",
        "source_id,value,currency,code_digest,last_four\n1,5,USD,0,0\n",
        "source_id,value,currency,code,code\n1,5,USD,OLD-CARD-000001,x\n",
        "source_id,value,currency,code,pin\n1,5,USD,OLD-CARD-000001,x\n",
        "source_id;value;currency;code\n1;5;USD;OLD-CARD-000001\n",
        HEADER + '1,50.00,USD,,OLD-CARD-000001,,,,,,"cut off',
        HEADER + '1,50.00,USD,,OLD-CARD-000001,,,,,,"a"b,\n',
        (HEADER + LINES).encode("utf-16"),
        HEADER.encode() + b"1,50.00,USD,,OLD-CARD-000001,,,,,,\xff,\n",
        b"PK\x03\x04\x14\x00\x06\x00",
        HEADER + f"1,50.00,USD,,OLD-CARD-000001,,,,,,{'x' * 200_000},\n",
        "source_id,value,currency,code\n" + "1,5,USD,OLD-CARD-000001\n" * 100_001,
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_as_a_whole(file: Any) -> None:
    """Before anybody could apply a half of it; the message never holds a code."""
    with pytest.raises(InvalidImport) as caught:
        gift_card_rows(file)
    assert "CARD" not in str(caught.value)


@pytest.mark.parametrize("file", [None, 5, ["a"], object()])
def test_what_is_no_file_is_told(file: Any) -> None:
    """As a wrong call."""
    with pytest.raises(InvalidRequest):
        gift_card_rows(file)
    with pytest.raises(InvalidRequest):
        gift_card_rows(HEADER + LINES, delimiter="::")


BAD_CELLS: Final = [
    ("value", ""), ("value", "0"), ("value", "-5"), ("value", "5,00"), ("value", "1e3"), ("value", "5.001"),
    ("value", "=5"), ("value", "NaN"), ("value", "\u0665"), ("value", "5 USD"), ("currency", ""), ("currency", "usd"),
    ("currency", "XYZ"), ("balance", "6"), ("balance", "-1"), ("balance", "+1"), ("code", ""), ("code", "=HYPERLINK"),
    ("code", "ÄÖÜÄÖÜÄÖÜÄÖÜ"), ("expires_at", "tomorrow"), ("expires_at", "2030-01-01"),
    ("expires_at", "2030-01-01T00:00:00"), ("expires_at", "9999-12-31T23:59:59-23:00"), ("tax_rate", "101"),
    ("tax_rate", "x"), ("origin", "stolen"), ("source_id", ""), ("source_id", "x" * 201), ("customer_id", "a\x00b"),
    ("note", "x" * 2001), ("tags", "a||b"), ("region", "r" * 201),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cell"), BAD_CELLS)
def test_a_bad_cell_makes_its_row_unreadable_and_no_other(column: str, cell: str) -> None:
    """With its place, its source id if that can be read, a stable reason and a sentence without what stood there."""
    cells = {"source_id": "1", "value": "5", "currency": "USD", "code": code(1)}
    names, said = [*cells, *({column} - set(cells))], {**cells, column: cell}
    good = ["2", "5", "USD", code(2), *[""] * (len(names) - 4)]
    wrong = [f'"{said.get(name, "")}"' for name in names]
    bad, fine = gift_card_rows("\n".join([",".join(names), ",".join(wrong), ",".join(good)]))

    assert isinstance(bad, UnreadableRow)
    assert isinstance(fine, GiftCardRow)
    assert 2 == bad.number
    assert bad.reason
    assert "OLDCARD" not in bad.message
    shop = shop_that_imports()
    with pytest.raises(InvalidImport) as caught:
        shop.execute(importing(bad, fine))
    assert ((2, bad.reason),) == caught.value.rows
    assert {} == shop.storage._books.cards


def test_a_row_of_too_few_or_too_many_cells_is_unreadable() -> None:
    """Its cells might belong to other columns."""
    lines = "1,5,USD\n2,5,USD,OLD-CARD-000002,x\n3,5,USD,OLD-CARD-000003\n"
    rows = gift_card_rows(f"source_id,value,currency,code\n{lines}")
    assert [UnreadableRow, UnreadableRow, GiftCardRow] == [type(one) for one in rows]
