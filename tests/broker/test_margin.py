"""What the broker's preview of an entry says of margin, and the currency that its figures are in."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from arbcore.broker.ib_link import UNSET, IbLink
from arbcore.carry.pairs import DEFAULT_PAIR, ETF, FUT
from arbcore.desk.commands import MARGIN, Ask
from arbcore.desk.events import Margin, QueryFailed


def value(tag: str, currency: str, account: str = "DU1") -> SimpleNamespace:
    return SimpleNamespace(account=account, tag=tag, value="1000", currency=currency)


def state(change: object, after: object, before: object = "0") -> SimpleNamespace:
    return SimpleNamespace(initMarginChange=change, equityWithLoanAfter=after, initMarginBefore=before)


class Library:
    """The parts of an IB library that the preview needs; ``IB`` answers from what is given."""

    def __init__(self, values: list[Any], states: dict[str, Any]) -> None:
        self.values, self.states = values, states
        self.previewed: list[tuple[str, str, int, str]] = []

    def accountValues(self, account: str) -> list[Any]:  # noqa: N802 -- the library's name
        return [each for each in self.values if each.account == account]

    async def whatIfOrderAsync(self, contract: str, order: Any) -> Any:  # noqa: N802
        self.previewed.append((contract, order.action, order.totalQuantity, order.account))
        return self.states[contract]

    Order = SimpleNamespace


def preview(values: list[Any], fut: Any, etf: Any, side: int = 1) -> tuple[Any, Library]:
    library = Library(values, {FUT: fut, ETF: etf})
    link = IbLink.__new__(IbLink)
    link._library = link._ib = library
    link.account, link.settings = "DU1", SimpleNamespace(pair=DEFAULT_PAIR)
    link.legs = {leg: SimpleNamespace(contract=leg) for leg in (FUT, ETF)}
    link.listener = SimpleNamespace(unread=0)
    asked = Ask(5, MARGIN, side=side, contracts=1, shares=502)
    return asyncio.run(link.answer(asked, timeout_s=5.0)), library


ENOUGH = state("20000", "100000", "1000"), state("30000", "90000", "2000")


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([], ""),
        ([value("NetLiquidation", "CHF")], " CHF"),
        # The base currency's own line names no currency: the next one does.
        ([value("NetLiquidation", "BASE"), value("NetLiquidation", "EUR")], " EUR"),
        ([value("NetLiquidation", ""), value("NetLiquidation", "GBP")], " GBP"),
        ([value("NetLiquidation", "BASE"), value("NetLiquidation", "")], ""),
        # Another tag's currency, and another account's, say nothing of this one's.
        ([value("CashBalance", "JPY"), value("NetLiquidation", "USD")], " USD"),
        ([value("CashBalance", "JPY")], ""),
        ([value("NetLiquidation", "JPY", "DU2"), value("NetLiquidation", "USD")], " USD"),
        # The first that is named counts, and what the other side sends is made safe and short.
        ([value("NetLiquidation", "USD"), value("NetLiquidation", "EUR")], " USD"),
        ([value("NetLiquidation", "\x1b[2J")], " \\x1b[2J"),
    ],
)
def test_the_figures_are_in_the_accounts_base_currency(values: list[Any], unit: str) -> None:
    answer, _ = preview(values, *ENOUGH)
    sentence = f"the pair needs 52,000{unit} of margin and the account has 90,000{unit}"
    assert answer == Margin(5, True, sentence)


def test_a_long_currency_is_cut() -> None:
    answer, _ = preview([value("NetLiquidation", "X" * 5_000)], *ENOUGH)
    assert len(answer.sentence) < 120


@pytest.mark.parametrize(("side", "actions"), [(1, ("BUY", "SELL")), (-1, ("SELL", "BUY"))])
def test_both_legs_are_previewed_each_on_its_side(side: int, actions: tuple[str, str]) -> None:
    _, library = preview([], *ENOUGH, side)
    assert library.previewed == [(FUT, actions[0], 1, "DU1"), (ETF, actions[1], 502, "DU1")]


@pytest.mark.parametrize(
    ("needed", "equity", "sufficient"), [("49999", "50000", True), ("50000", "50000", True),
                                         ("50001", "50000", False)],
)  # fmt: skip
def test_margin_suffices_up_to_the_whole_equity(needed: str, equity: str, sufficient: bool) -> None:
    answer, _ = preview([], state(needed, "1e9"), state("0", equity))
    assert answer.sufficient is sufficient


def test_a_leg_that_frees_margin_pays_for_nothing() -> None:
    answer, _ = preview([], state("60000", "50000"), state("-30000", "50000"))
    assert (answer.sufficient, "needs 60,000 of" in answer.sentence) == (False, True)


@pytest.mark.parametrize("unset", ["", None, str(UNSET), "nan", "text"])
@pytest.mark.parametrize("field", ["initMarginChange", "equityWithLoanAfter", "initMarginBefore"])
@pytest.mark.parametrize("leg", [FUT, ETF])
def test_a_preview_without_figures_is_no_answer(leg: str, field: str, unset: object) -> None:
    states = {FUT: state("20000", "100000", "1000"), ETF: state("30000", "90000", "2000")}
    setattr(states[leg], field, unset)
    answer, _ = preview([], states[FUT], states[ETF])
    symbol = DEFAULT_PAIR.symbol(leg)
    assert answer == QueryFailed(5, f"the whatIf of the {symbol} order has no figures")
