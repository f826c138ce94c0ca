from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

from loyalty import (
    BlockGiftCard,
    ClaimGiftCard,
    CodeFormat,
    ConvertGiftCard,
    DebitStoreCredit,
    ExpireValue,
    GetBalance,
    GetGiftCard,
    IssueGiftCard,
    Loyalty,
    PayWithBalances,
    RedeemGiftCard,
    UnlimitedGuesses,
)
from loyalty.attempts.watch import AttemptWatch
from loyalty.codes.code import GiftCardCode
from loyalty.errors import (
    AlreadyClaimed,
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidRequest,
    LoyaltyError,
    MalformedCode,
    NotSpendable,
    StorageUnavailable,
    TooManyAttempts,
)
from loyalty.ports.storage import Reader
from loyalty.reports.query import Query, QueryContext
from tests.unit.attempts.limiters import Broken, Recording, Retrying, Tripwire, limited
from tests.unit.attempts.wrong_codes import CHARGED, WRONG, WrongCodes
from tests.use_cases.shop import Shop, usd

Attempt = Callable[[Loyalty, str, str], object]


def redeeming(loyalty: Loyalty, code: str, key: str) -> object:
    """Pay with a card."""
    command = RedeemGiftCard(code=code, amount=usd("1.00"), order_id="1", customer_id="ada", idempotency_key=key)
    return loyalty.execute(command, caller="till-1")


def converting(loyalty: Loyalty, code: str, key: str) -> object:
    """Turn a card into store credit."""
    return loyalty.execute(ConvertGiftCard(code=code, customer_id="ada", idempotency_key=key), caller="till-1")


def claiming(loyalty: Loyalty, code: str, key: str) -> object:
    """Bind a card to a customer."""
    return loyalty.execute(ClaimGiftCard(code=code, customer_id="ada", idempotency_key=key), caller="till-1")


def paying(loyalty: Loyalty, code: str, key: str) -> object:
    """Pay with several tenders."""
    command = PayWithBalances(
        codes=(code,), amount_due=usd("1.00"), order_id="1", customer_id="ada", idempotency_key=key
    )
    return loyalty.execute(command, caller="till-1")


def looking(loyalty: Loyalty, code: str, _key: str) -> object:
    """Ask for the balance."""
    return loyalty.ask(GetBalance(code=code, customer_id="ada"), caller="till-1")


ATTEMPTS: Final[tuple[Attempt, ...]] = (redeeming, converting, claiming, paying, looking)


# --- what is charged --------------------------------------------------------


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_code_is_charged_once_and_a_malformed_one_never(attempt: Attempt, name: str) -> None:
    """The limiter is asked once, and told once: that the code was wrong, or that it was mistyped."""
    wrong, limiter = WrongCodes.made(), Recording()
    expected: tuple[type[LoyaltyError], ...] = (WRONG[name], AlreadyClaimed)
    with pytest.raises(expected):
        attempt(limited(wrong.shop, limiter), wrong.codes[name], "key")
    told = "wrong" if name in CHARGED else "mistyped"
    assert [("require", "till-1"), (told, "till-1")] == limiter.heard


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_right_code_is_never_charged(attempt: Attempt) -> None:
    """Whoever has the right code is asked for, and counted as nothing."""
    wrong, limiter = WrongCodes.made(), Recording()
    attempt(limited(wrong.shop, limiter), wrong.right[0], "key")
    assert ["require"] == limiter.told()


@pytest.mark.parametrize(
    ("amount", "error"), [(usd("50.01"), InsufficientBalance), (Money("1", "EUR"), CurrencyMismatch)]
)
def test_a_refusal_that_is_not_about_the_code_is_not_charged(amount: Money, error: type[LoyaltyError]) -> None:
    """Asking for too much, or in another currency, takes the right code."""
    shop, limiter = Shop(), Recording()
    command = RedeemGiftCard(code=shop.issue().code, amount=amount, order_id="1", idempotency_key="k")
    with pytest.raises(error):
        limited(shop, limiter).execute(command)
    assert ["require"] == limiter.told()


def test_a_replay_is_no_wrong_attempt() -> None:
    """A command that is answered again from its receipt had the right code, even if the rules would now refuse it."""
    shop, limiter = Shop(), Recording()
    loyalty, issued = limited(shop, limiter), shop.issue("5.00")
    command = ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="k")
    first = loyalty.execute(command)
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    assert first == loyalty.execute(command)
    assert ["require", "require"] == limiter.told()


def test_what_the_storage_tries_again_is_charged_once() -> None:
    """One request is one attempt, however often its transaction has to be repeated."""
    wrong, limiter = WrongCodes.made(), Recording()
    loyalty = limited(wrong.shop, limiter, storage=Retrying(wrong.shop.storage))
    with pytest.raises(GiftCardNotFound):
        redeeming(loyalty, wrong.codes["unknown"], "key")
    assert ["require", "wrong"] == limiter.told()


def test_several_codes_in_one_request_are_one_attempt() -> None:
    """A payment takes all its codes or none, so a guesser learns from it once."""
    wrong, limiter = WrongCodes.made(), Recording()
    command = PayWithBalances(
        codes=(wrong.right[0], wrong.codes["unknown"], wrong.codes["blocked"]),
        amount_due=usd("1.00"),
        order_id="1",
        idempotency_key="k",
    )
    with pytest.raises(GiftCardNotFound):
        limited(wrong.shop, limiter).execute(command)
    assert ["require", "wrong"] == limiter.told()


@attrs.frozen(kw_only=True)
class _Named:
    code: GiftCardCode


@attrs.frozen(kw_only=True)
class _WhichAreThere(Query[tuple[bool, ...]]):
    """Tell of each code whether there is a card, without raising anything."""

    named: tuple[_Named, ...]

    def answer(self, reader: Reader, context: QueryContext) -> tuple[bool, ...]:  # noqa: ARG002  # asked of every query
        """Answer that none is there."""
        return tuple(False for _ in self.named)

    def wrong_codes(self, answer: tuple[bool, ...]) -> int:
        """Return how many are not there."""
        return answer.count(False)


def test_an_answer_that_tells_of_wrong_codes_is_charged_for_each() -> None:
    """A query that refuses code by code in its answer, and not by raising, is no way around the limiter."""
    limiter = Recording()
    query = _WhichAreThere(named=tuple(_Named(code=GiftCardCode.of(f"GIFT-{number:04}")) for number in range(3)))
    limited(Shop(), limiter).ask(query, caller="till-1")
    assert [("require", "till-1"), *[("wrong", "till-1")] * 3] == limiter.heard


# --- what is no attempt -----------------------------------------------------


def test_requests_without_a_code_are_none_of_the_limiters_business() -> None:
    """Cards named by their id, credit, sweeps and reports are not asked for."""
    shop, limiter = Shop(), Recording()
    loyalty, issued = limited(shop, limiter), shop.issue()
    shop.grant()
    named: dict[str, Any] = {"gift_card_id": issued.gift_card.id}
    loyalty.execute(RedeemGiftCard(**named, amount=usd("1"), order_id="1", idempotency_key="a"), caller="till-1")
    loyalty.execute(DebitStoreCredit(customer_id="ada", amount=usd("1"), idempotency_key="b"), caller="till-1")
    loyalty.execute(BlockGiftCard(**named, idempotency_key="c"), caller="till-1")
    loyalty.execute(ExpireValue(), caller="till-1")
    loyalty.ask(GetGiftCard(id=issued.gift_card.id), caller="till-1")
    with pytest.raises(NotSpendable):
        loyalty.execute(RedeemGiftCard(**named, amount=usd("1"), order_id="2", idempotency_key="d"))
    assert [] == limiter.heard


def test_choosing_a_code_is_no_attempt() -> None:
    """The shop may try as many codes for new cards as it likes, taken ones and short ones too."""
    shop, limiter = Shop(), Recording()
    loyalty = limited(shop, limiter, code_format=CodeFormat(allow_chosen=True))
    loyalty.execute(IssueGiftCard(value=usd("5"), code="SUMMER-OF-EVERY-YEAR", idempotency_key="a"))
    for code, error in (("SUMMER-OF-EVERY-YEAR", DuplicateRecord), ("SHORT", MalformedCode)):
        with pytest.raises(error):
            loyalty.execute(IssueGiftCard(value=usd("5"), code=code, idempotency_key=code), caller="back office")
    assert [] == limiter.heard


# --- who asks ---------------------------------------------------------------


def test_the_caller_is_no_part_of_the_command() -> None:
    """The same command from another address is the same command: it is answered again, and no conflict."""
    shop = Shop()
    loyalty = limited(shop, Recording())
    command = RedeemGiftCard(code=shop.issue().code, amount=usd("1"), order_id="1", idempotency_key="k")
    assert loyalty.execute(command, caller="192.0.2.1") == loyalty.execute(command, caller="192.0.2.2")
    assert "192.0.2" not in repr(shop.books())


@pytest.mark.parametrize("caller", [5, "", " ", "x" * 201, b"till", "a\x00b", ("till",)])
def test_a_caller_is_a_text(caller: Any) -> None:
    """Whatever is not a short text is told before anything is asked, with a code and without."""
    limiter = Recording()
    loyalty = limited(Shop(), limiter, storage=Tripwire())
    for ask in (
        lambda: loyalty.ask(GetBalance(code="GIFT"), caller=caller),
        lambda: loyalty.ask(GetGiftCard(id="1"), caller=caller),
        lambda: loyalty.execute(BlockGiftCard(code="GIFT", idempotency_key="k"), caller=caller),
    ):
        with pytest.raises(InvalidRequest, match="caller"):
            ask()
    assert [] == limiter.heard


def test_a_copy_for_another_storage_counts_with_the_original() -> None:
    """What joins a host's transaction asks the same limiter, or guesses would be free there."""
    wrong, limiter = WrongCodes.made(), Recording()
    with pytest.raises(GiftCardNotFound):
        redeeming(limited(wrong.shop, limiter).using(wrong.shop.storage), wrong.codes["unknown"], "key")
    assert ["require", "wrong"] == limiter.told()


# --- what fails, fails closed -----------------------------------------------


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("odd"), KeyError("gone")])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_limiter_that_cannot_be_asked_refuses_before_the_storage(attempt: Attempt, error: Exception) -> None:
    """A limiter that raises lets nobody through, the right code neither; its own error is the cause."""
    loyalty = limited(Shop(), Broken("require", error), storage=Tripwire())
    with pytest.raises(StorageUnavailable) as caught:
        attempt(loyalty, "GIFT", "key")
    assert error is caught.value.__cause__


@pytest.mark.parametrize("name", WRONG)
def test_a_limiter_that_cannot_be_told_tells_nothing_about_the_code(name: str) -> None:
    """If a wrong code cannot be counted, the answer says that and not what is wrong with it."""
    wrong = WrongCodes.made()
    method = "wrong" if name in CHARGED else "mistyped"
    with pytest.raises(StorageUnavailable):
        redeeming(limited(wrong.shop, Broken(method, ConnectionError())), wrong.codes[name], "key")


def test_a_refused_attempt_reaches_no_storage() -> None:
    """Whoever had too many wrong codes is refused before any look-up, and the limiter is told nothing more."""
    refusing = Broken("require", TooManyAttempts())
    with pytest.raises(TooManyAttempts):
        redeeming(limited(Shop(), refusing, storage=Tripwire()), "GIFT", "key")


def test_without_a_limit_anybody_may_guess() -> None:
    """The limit is turned off only by an object whose name says so."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, UnlimitedGuesses())
    for number in range(50):
        for name in ("unknown", "malformed: the length"):
            with pytest.raises(WRONG[name]):
                redeeming(loyalty, wrong.codes[name], f"{name} {number}")


@pytest.mark.parametrize("limiter", [5, "10/minute", Recording, object(), False])
def test_a_limiter_must_be_one(limiter: Any) -> None:
    """A wrong limiter is told when the library is set up, and not inside a sale."""
    with pytest.raises(InvalidRequest, match="attempt_limiter"):
        limited(Shop(), limiter)


def test_awaited_work_is_watched_alike() -> None:
    """The watch works around an await: the attempt ends when what was awaited has ended."""
    limiter = Recording()

    async def attempt() -> None:
        """Wait for something, and then find no card."""
        with AttemptWatch(limiter).over(GetBalance(code="GIFT"), "till-1"):
            await asyncio.sleep(0)
            limiter.heard.append(("awaited", None))
            raise GiftCardNotFound

    with pytest.raises(GiftCardNotFound):
        asyncio.run(attempt())
    assert ["require", "awaited", "wrong"] == limiter.told()
