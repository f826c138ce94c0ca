"""
Entity to row and back. Pure functions.

A row is a plain tuple in the order of its table's columns, with integers and
texts only, so that no driver and no type of SQLAlchemy has a say in what a
value means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from moneyed import Money

from loyalty.clock import from_micros, to_micros
from loyalty.codes.format import CodeFormat
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.gift import Gift, GiftStatus
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.gift_cards.term import LastDay, Term
from loyalty.identifiers import Metadata
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus, HoldTender, Reservation
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import Lot, LotMove, LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Reference, Side, Transfer, TransferKind
from loyalty.plain import decode, dumps, encode
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus

__all__ = [
    "account_of",
    "account_row",
    "batch_of",
    "batch_row",
    "denomination_of",
    "denomination_row",
    "gift_card_of",
    "gift_card_row",
    "gift_of",
    "gift_row",
    "hold_of",
    "hold_row",
    "imported_card_of",
    "imported_card_row",
    "lot_of",
    "lot_row",
    "micros_of",
    "moves_of",
    "outbox_entry_of",
    "outbox_values",
    "product_of",
    "product_row",
    "receipt_of",
    "receipt_row",
    "reservations_of",
    "reservations_text",
    "sale_of",
    "sale_row",
    "store_credit_of",
    "store_credit_row",
    "transfer_of",
    "transfer_row",
]

Row = Sequence[Any]
Values = tuple[str | int | None, ...]

_ORIGINS = {origin.value: origin for origin in LotOrigin}
_TREATMENTS = {treatment.value: treatment for treatment in TaxTreatment}
_HOUSES = {house.value: house for house in HouseAccount}
_KINDS = {kind.value: kind for kind in TransferKind}
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def micros_of(moment: datetime | None) -> int | None:
    """Return a time as a row keeps it."""
    return None if moment is None else to_micros(moment)


def account_row(account: Account) -> Values:
    """Return the values of an account's row."""
    return (
        account.id,
        account.currency,
        account.exponent,
        account.posted,
        account.held,
        account.sequence,
        account.version,
        to_micros(account.opened_at),
        to_micros(account.recorded_at),
        reservations_text(account.reservations),
    )


def account_of(row: Row, lots: tuple[Lot, ...]) -> Account:
    """Return the account of a row."""
    id_, currency, exponent, posted, held, sequence, version, opened_at, recorded_at, reservations = row
    return Account(
        id=id_,
        currency=currency,
        exponent=exponent,
        posted=posted,
        held=held,
        sequence=sequence,
        version=version,
        opened_at=from_micros(opened_at),
        recorded_at=from_micros(recorded_at),
        lots=lots,
        reservations=reservations_of(reservations),
    )


def reservations_text(reservations: tuple[Reservation, ...]) -> str | None:
    """Return what orders hold on an account, as its row keeps it."""
    if not reservations:
        return None
    return _dumps([[one.hold_id, to_micros(one.lapses_at), _plain_moves(one.moves)] for one in reservations])


def reservations_of(text: str | None) -> tuple[Reservation, ...]:
    """Return what orders hold on an account, from its row."""
    if text is None:
        return ()
    return tuple(
        Reservation(hold_id=hold_id, lapses_at=from_micros(lapses_at), moves=_moves(moves))
        for hold_id, lapses_at, moves in json.loads(text)
    )


def hold_row(hold: Hold) -> Values:
    """Return the values of a hold's row."""
    return (
        hold.id,
        hold.order_id,
        hold.order_id if hold.status is HoldStatus.OPEN else None,
        hold.customer_id,
        hold.currency,
        hold.exponent,
        hold.amount_due,
        hold.amount,
        hold.captured,
        hold.status.value,
        hold.version,
        to_micros(hold.placed_at),
        to_micros(hold.lapses_at),
        micros_of(hold.resolved_at),
        _dumps([[one.account_id, one.at_most, one.priority, one.amount] for one in hold.tenders]),
        int(hold.has_lines),
    )


def hold_of(row: Row) -> Hold:
    """Return the hold of a row."""
    return Hold(
        id=row[0],
        order_id=row[1],
        customer_id=row[3],
        currency=row[4],
        exponent=row[5],
        amount_due=row[6],
        captured=row[8],
        status=HoldStatus(row[9]),
        version=row[10],
        placed_at=from_micros(row[11]),
        lapses_at=from_micros(row[12]),
        resolved_at=_time(row[13]),
        tenders=tuple(
            HoldTender(account_id=account_id, at_most=at_most, priority=priority, amount=amount)
            for account_id, at_most, priority, amount in json.loads(row[14])
        ),
        has_lines=bool(row[15]),
    )


def gift_card_row(card: GiftCard) -> Values:
    """Return the values of a card's row."""
    return (
        card.id,
        card.account.id,
        card.value,
        card.origin.value,
        card.status.value,
        card.code_digest,
        card.code_key_id,
        card.code_version,
        card.last_four,
        to_micros(card.issued_at),
        micros_of(card.expires_at),
        card.customer_id,
        micros_of(card.claimed_at),
        card.region,
        None if card.tax_rate is None else str(card.tax_rate),
        card.order_id,
        card.recipient,
        card.note,
        _dumps(card.tags) if card.tags else "[]",
        None if card.metadata is None else card.metadata.json,
        card.product_id,
        card.line_id,
        card.unit,
        card.buyer_id,
        card.price,
        card.batch_id,
        micros_of(card.loaded_at),
        card.edition,
        None if card.tax_treatment is None else card.tax_treatment.value,
        None if card.last_day is None else card.last_day.day.isoformat(),
        None if card.last_day is None else card.last_day.time_zone,
    )


def gift_row(gift: Gift) -> Values:
    """Return the values of a gift's row."""
    return (
        gift.gift_card_id,
        gift.address,
        gift.name,
        gift.message,
        gift.sender,
        to_micros(gift.send_at),
        gift.local_time,
        gift.time_zone,
        gift.status.value,
        gift.sending,
        gift.version,
    )


def gift_of(row: Row) -> Gift:
    """Return the gift of a row."""
    return Gift(
        gift_card_id=row[0],
        address=row[1],
        name=row[2],
        message=row[3],
        sender=row[4],
        send_at=from_micros(row[5]),
        local_time=row[6],
        time_zone=row[7],
        status=GiftStatus(row[8]),
        sending=row[9],
        version=row[10],
    )


def gift_card_of(row: Row, account: Account) -> GiftCard:
    """Return the card of a row."""
    return GiftCard(
        id=row[0],
        account=account,
        value=row[2],
        origin=_ORIGINS[row[3]],
        status=GiftCardStatus(row[4]),
        code_digest=row[5],
        code_key_id=row[6],
        code_version=row[7],
        last_four=row[8],
        issued_at=from_micros(row[9]),
        expires_at=_time(row[10]),
        customer_id=row[11],
        claimed_at=_time(row[12]),
        region=row[13],
        tax_rate=None if row[14] is None else Decimal(row[14]),
        order_id=row[15],
        recipient=row[16],
        note=row[17],
        tags=() if row[18] == "[]" else tuple(json.loads(row[18])),
        metadata=None if row[19] is None else Metadata(json=row[19]),
        product_id=row[20],
        line_id=row[21],
        unit=row[22],
        buyer_id=row[23],
        price=row[24],
        batch_id=row[25],
        loaded_at=_time(row[26]),
        edition=1 if row[27] is None else row[27],
        tax_treatment=None if row[28] is None else _TREATMENTS[row[28]],
        last_day=None if row[29] is None else LastDay(day=date.fromisoformat(row[29]), time_zone=row[30]),
    )


def sale_row(sale: GiftCardSale) -> Values:
    """Return the values of a sale's row, with the version that it gets."""
    return sale.order_id, sale.version + 1, micros_of(sale.paid_at), micros_of(sale.reversed_at)


def sale_of(row: Row) -> GiftCardSale:
    """Return the sale of a row."""
    order_id, version, paid_at, reversed_at = row
    return GiftCardSale(order_id=order_id, version=version, paid_at=_time(paid_at), reversed_at=_time(reversed_at))


def product_row(product: GiftCardProduct) -> Values:
    """Return the values of a gift card product's row."""
    return (
        product.id,
        product.title,
        dumps(encode(product.open_amounts)),
        None if product.term is None else dumps(encode(product.term)),
        product.tax_treatment.value,
        None if product.tax_rate is None else str(product.tax_rate),
        product.version,
        to_micros(product.defined_at),
        to_micros(product.changed_at),
        micros_of(product.retired_at),
    )


def product_of(row: Row, denominations: tuple[Denomination, ...]) -> GiftCardProduct:
    """Return the gift card product of a row."""
    return GiftCardProduct(
        id=row[0],
        title=row[1],
        denominations=denominations,
        open_amounts=decode(tuple[OpenAmount, ...], json.loads(row[2])),
        term=None if row[3] is None else decode(Term, json.loads(row[3])),
        tax_treatment=_TREATMENTS[row[4]],
        tax_rate=None if row[5] is None else Decimal(row[5]),
        version=row[6],
        defined_at=from_micros(row[7]),
        changed_at=from_micros(row[8]),
        retired_at=_time(row[9]),
    )


def denomination_row(denomination: Denomination, product_id: str, place: int) -> Values:
    """Return the values of a denomination's row."""
    return (
        product_id,
        place,
        denomination.variant_id,
        denomination.sku,
        dumps(encode(denomination.prices)),
        dumps(encode(denomination.face_values)),
        micros_of(denomination.offered_from),
        micros_of(denomination.retired_at),
    )


def denomination_of(row: Row) -> Denomination:
    """Return the denomination of a row."""
    return Denomination(
        variant_id=row[2],
        sku=row[3],
        prices=decode(tuple[Money, ...], json.loads(row[4])),
        face_values=decode(tuple[Money, ...], json.loads(row[5])),
        offered_from=_time(row[6]),
        retired_at=_time(row[7]),
    )


def batch_row(batch: GiftCardBatch) -> Values:
    """Return the values of a batch's row."""
    return (
        batch.id,
        batch.name,
        batch.count,
        batch.issued,
        batch.revealed,
        batch.value,
        batch.currency,
        batch.exponent,
        micros_of(batch.expires_at),
        batch.code_key_id,
        dumps(encode(batch.code_format)),
        to_micros(batch.opened_at),
        batch.version,
    )


def batch_of(row: Row) -> GiftCardBatch:
    """Return the batch of a row."""
    return GiftCardBatch(
        id=row[0],
        name=row[1],
        count=row[2],
        issued=row[3],
        revealed=row[4],
        value=row[5],
        currency=row[6],
        exponent=row[7],
        expires_at=_time(row[8]),
        code_key_id=row[9],
        code_format=decode(CodeFormat, json.loads(row[10])),
        opened_at=from_micros(row[11]),
        version=row[12],
    )


def imported_card_row(imported: ImportedCard) -> Values:
    """Return the values of an imported card's row."""
    return (
        imported.source,
        imported.source_id,
        imported.gift_card_id,
        imported.import_id,
        imported.fingerprint,
        imported.fingerprint_key_id,
    )


def imported_card_of(row: Row) -> ImportedCard:
    """Return the imported card of a row."""
    return ImportedCard(
        source=row[0],
        source_id=row[1],
        gift_card_id=row[2],
        import_id=row[3],
        fingerprint=row[4],
        fingerprint_key_id=row[5],
    )


def store_credit_row(credit: StoreCreditAccount) -> Values:
    """Return the values of a store credit account's row."""
    return credit.id, credit.customer_id, credit.account.currency, credit.status.value, credit.successor_id


def store_credit_of(row: Row, account: Account) -> StoreCreditAccount:
    """Return the store credit account of a row."""
    return StoreCreditAccount(
        customer_id=row[1], account=account, status=StoreCreditStatus(row[3]), successor_id=row[4]
    )


def lot_row(lot: Lot, account_id: str) -> Values:
    """Return the values of a lot's row."""
    return (
        lot.id,
        account_id,
        lot.origin.value,
        lot.amount,
        lot.remaining,
        lot.held,
        int(lot.remaining > 0),
        to_micros(lot.opened_at),
        micros_of(lot.expires_at),
        micros_of(lot.not_before),
        lot.priority,
        lot.tax_treatment.value,
        lot.source_lot_id,
    )


def lot_of(row: Row) -> Lot:
    """Return the lot of a row."""
    return Lot(
        id=row[0],
        origin=_ORIGINS[row[2]],
        amount=row[3],
        remaining=row[4],
        held=row[5],
        opened_at=from_micros(row[7]),
        expires_at=_time(row[8]),
        not_before=_time(row[9]),
        priority=row[10],
        tax_treatment=_TREATMENTS[row[11]],
        source_lot_id=row[12],
    )


def transfer_row(transfer: Transfer) -> Values:
    """Return the values of a transfer's row."""
    reference = transfer.reference
    return (
        transfer.id,
        transfer.kind.value,
        transfer.currency,
        transfer.exponent,
        transfer.amount,
        *_side_values(transfer.debit),
        *_side_values(transfer.credit),
        to_micros(transfer.occurred_at),
        to_micros(transfer.recorded_at),
        transfer.order_id,
        transfer.refunds,
        transfer.actor,
        transfer.reason,
        transfer.note,
        None if reference is None else reference.type,
        None if reference is None else reference.id,
        None if transfer.metadata is None else transfer.metadata.json,
        transfer.hold_id,
    )


def transfer_of(row: Row) -> Transfer:
    """Return the transfer of a row."""
    return Transfer(
        id=row[0],
        kind=_KINDS[row[1]],
        currency=row[2],
        exponent=row[3],
        amount=row[4],
        debit=_side_of(row[5:10]),
        credit=_side_of(row[10:15]),
        occurred_at=from_micros(row[15]),
        recorded_at=from_micros(row[16]),
        order_id=row[17],
        refunds=row[18],
        actor=row[19],
        reason=row[20],
        note=row[21],
        reference=None if row[22] is None else Reference(row[22], row[23]),
        metadata=None if row[24] is None else Metadata(json=row[24]),
        hold_id=row[25],
    )


def _side_values(side: Side) -> Values:
    house = None if side.house is None else side.house.value
    return side.account_id, house, side.sequence, side.balance_after, _moves_text(side.lots)


def _side_of(row: Row) -> Side:
    account_id, house, sequence, balance_after, lots = row
    return Side(
        account_id=account_id,
        house=None if house is None else _HOUSES[house],
        sequence=sequence,
        balance_after=balance_after,
        lots=moves_of(lots),
    )


def _moves_text(moves: tuple[LotMove, ...]) -> str:
    if not moves:
        return "[]"
    return _dumps(_plain_moves(moves))


def _plain_moves(moves: tuple[LotMove, ...]) -> list[list[str | int | None]]:
    return [[move.lot_id, move.amount, move.origin.value, move.source_lot_id] for move in moves]


def moves_of(text: str) -> tuple[LotMove, ...]:
    """Return the moves of lots that a transfer's row tells of."""
    if text == "[]":
        return ()
    return _moves(json.loads(text))


def _moves(plain: Row) -> tuple[LotMove, ...]:
    return tuple(
        LotMove(lot_id=lot_id, amount=amount, origin=_ORIGINS[origin], source_lot_id=source)
        for lot_id, amount, origin, source in plain
    )


def receipt_row(receipt: Receipt) -> Values:
    """Return the values of a new receipt's row; its event is due at once, and the database numbers it."""
    return (
        receipt.id,
        receipt.idempotency_key,
        receipt.command,
        receipt.fingerprint,
        receipt.fingerprint_key_id,
        receipt.result,
        receipt.event,
        receipt.event_data,
        to_micros(receipt.recorded_at),
        receipt.decisions,
        dumps(receipt.about),
        to_micros(receipt.recorded_at),
        0,
    )


def receipt_of(row: Row) -> Receipt:
    """Return the receipt of a row."""
    return Receipt(
        id=row[0],
        idempotency_key=row[1],
        command=row[2],
        fingerprint=row[3],
        fingerprint_key_id=row[4],
        result=row[5],
        event=row[6],
        event_data=row[7],
        recorded_at=from_micros(row[8]),
        decisions=row[9],
        about=_about(row[10]),
    )


def _about(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(json.loads(text))


def outbox_values(entry: OutboxEntry) -> Values:
    """Return what changes about an event on its way out."""
    return (
        micros_of(entry.due_at),
        entry.attempts,
        micros_of(entry.leased_until),
        entry.failure,
        micros_of(entry.dead_at),
    )


def outbox_entry_of(row: Row) -> OutboxEntry:
    """Return the event on its way out that a row tells of."""
    return OutboxEntry(
        id=row[0],
        position=row[1],
        event=row[2],
        event_data=row[3],
        recorded_at=from_micros(row[4]),
        about=_about(row[5]),
        due_at=_time(row[6]),
        attempts=row[7],
        leased_until=_time(row[8]),
        failure=row[9],
        dead_at=_time(row[10]),
    )
