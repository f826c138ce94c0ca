"""Tell once of each card that value on it is about to end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

import attrs

from loyalty import fields
from loyalty.clock import to_micros
from loyalty.events import GiftCardExpiresSoon
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Context, Outcome, Sweep

__all__ = ["AnnounceExpiringGiftCards", "ExpiryAnnounced"]

PAGE: Final = 100
"""How many cards one sweep looks at."""


@attrs.frozen(kw_only=True)
class ExpiryAnnounced:
    """
    What a sweep came to: ``gift_card_id`` is the card that was told of, None if all it looked at were.

    The next sweep goes on behind ``after_end`` (aware, UTC) and ``after_account_id``.
    """

    gift_card_id: str | None
    after_end: datetime | None
    after_account_id: str | None
    is_done: bool


@attrs.frozen(kw_only=True)
class AnnounceExpiringGiftCards(Sweep[ExpiryAnnounced]):
    """
    Tell of the next active card of which value ends within a window, as the event ``GiftCardExpiresSoon``.

    One card at a time, so that each telling is retried, and given up, by itself.
    A card is told of once per window and end: not again if it is paid with
    meanwhile, again if its expiry is changed or other value on it comes to its end.
    A shop that tells thirty days and seven days before runs it with both.

    Safe to run anywhere, any number of times. Following it through (``following``)
    goes once through all cards in the window, so once an hour or a day is enough.

    Args:
        within:
            How long before its end value is told of, that included; up to ten years.
        after_end, after_account_id:
            Where to go on, as an earlier sweep answered; both or none.

    Raises:
        loyalty.errors.InvalidTime: If *after_end* is not an aware time.
    """

    result_type: ClassVar[type] = ExpiryAnnounced

    within: timedelta = attrs.field(validator=fields.is_duration(timedelta(seconds=1), timedelta(days=3660)))
    after_end: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    after_account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def following(self, result: ExpiryAnnounced) -> AnnounceExpiringGiftCards | None:
        """Return the sweep over the cards behind those that *result* is about."""
        if result.is_done:
            return None
        return attrs.evolve(self, after_end=result.after_end, after_account_id=result.after_account_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[ExpiryAnnounced]:
        """Find the next card that nobody was told of, and decide under its lock whether there is still a reason to."""
        until = context.now + self.within
        after = None if self.after_end is None else (to_micros(self.after_end), self.after_account_id or "")
        page = uow.expiring_gift_cards(context.now, until, after=after, limit=PAGE)
        soon = {self._key(card, context.now): card for card in page}
        told = uow.used_keys(tuple(soon))
        untold = next((card for key, card in soon.items() if key not in told), None)
        if untold is None:
            return Outcome(result=self._behind(page, context.now), event=None, changes=Changes())
        return self._told(uow, untold, context)

    def _told(self, uow: UnitOfWork, seen: GiftCard, context: Context) -> Outcome[ExpiryAnnounced]:
        (card,) = uow.lock(Wanted(gift_card_ids=(seen.id,))).gift_cards
        behind = _place_of(_first_end(seen, context.now, self.within), seen)
        ends_at = _first_end(card, context.now, self.within)
        if card.status is not GiftCardStatus.ACTIVE or ends_at is None:
            return Outcome(result=behind, event=None, changes=Changes())
        ending = [lot.remaining for lot in card.account.lots if lot.expires_at == ends_at]
        return Outcome(
            result=attrs.evolve(behind, gift_card_id=card.id),
            event=GiftCardExpiresSoon(
                gift_card_id=card.id,
                ends_at=ends_at,
                amount=card.account.money(sum(ending)),
                window_seconds=int(self.within.total_seconds()),
            ),
            changes=Changes(),
            also_about=(card.account.id,),
            once_under=self._key(card, context.now),
        )

    def _key(self, card: GiftCard, now: datetime) -> str:
        """Return what a telling stands under, which no host can give: it has a line break."""
        ends_at = _first_end(card, now, self.within)
        end = "" if ends_at is None else ends_at.isoformat()
        return f"gift card expires soon\n{card.id} {int(self.within.total_seconds())} {end}"

    def _behind(self, page: tuple[GiftCard, ...], now: datetime) -> ExpiryAnnounced:
        if len(page) < PAGE:
            return _DONE
        return _place_of(_first_end(page[-1], now, self.within), page[-1])


_DONE: Final = ExpiryAnnounced(gift_card_id=None, after_end=None, after_account_id=None, is_done=True)


def _place_of(end: datetime | None, card: GiftCard) -> ExpiryAnnounced:
    return ExpiryAnnounced(gift_card_id=None, after_end=end, after_account_id=card.account.id, is_done=False)


def _first_end(card: GiftCard, now: datetime, within: timedelta) -> datetime | None:
    """Return when the first value of a card ends, if that is within the window; judged as lists do."""
    end = card.account.next_end(card.account.instant(now))
    return None if end is None or end > now + within else end
