"""The document of ``arbcore fair`` as text, so that a trader can do the sum by hand."""

from collections.abc import Iterator
from typing import Any

from arbcore.carry.pairs import Pair


def text_lines(answer: dict[str, Any], pair: Pair) -> Iterator[str]:
    """The lines of a document; ``pair`` names the symbols."""
    name = answer["contract"] or "the future"
    yield f"Fair value of {name} at {answer['now']}, expiring {answer['expiry']} ({answer['days']:.4f} days)"
    yield ""
    yield from _sum(answer, pair)
    yield ""
    band, costs = answer["band"], answer["costs"]
    r = answer["r"] + answer["financing_spread_bps"] * 1e-4
    funded = r + costs["funding_bps"] * 1e-4
    lent = r - (costs["lending_bps"] + costs["borrow_bps"]) * 1e-4
    yield "No-trade band"
    yield _row(
        f"sell {pair.future} above", band["upper"],
        f"{band['upper_bps']:+.2f} bps, shares financed at {funded:.4%}",
    )  # fmt: skip
    yield _row(
        f"buy {pair.future} below", band["lower"], f"{band['lower_bps']:+.2f} bps, cash lent at {lent:.4%}"
    )
    if costs["fees_points"] or costs["slippage_points"]:
        once = costs["fees_points"] + costs["slippage_points"]
        yield f"  both {once:.2f} points further out for fees and slippage"
    if answer["fut"]:
        yield ""
        yield from _future(answer, pair)
    if answer["calendar_spread"]:
        yield ""
        yield from _spread(answer["calendar_spread"])


def _row(label: str, number: float, text: str = "", *, digits: int = 2) -> str:
    return f"  {label:<16}{number:>12.{digits}f}   {text}".rstrip()


def _sum(answer: dict[str, Any], pair: Pair) -> Iterator[str]:
    mid = (answer["bid"] + answer["ask"]) / 2
    if answer["source"] == "etf":
        yield _row(f"{pair.etf} mid", mid, digits=4)
        yield _row("x level", answer["factor"], "index points a USD", digits=6)
    yield _row("index", answer["spot"])
    spread = answer["financing_spread_bps"]
    added = f" and {spread:g} bps" if spread else ""
    yield _row(
        "+ financing",
        answer["financing_points"],
        f"r {answer['r']:.4%}{added} a year ({answer['rate_source']}), t {answer['t']:.6f} years",
    )
    if answer["d"] is None:
        count = len(answer["dividends"])
        yield _row(
            "- dividends",
            answer["dividend_points"],
            f"{count} to expiry, at expiry ({answer['dividend_source']})",
        )
        for each in answer["dividends"]:
            worth = f"{each['points']:.4f} points, worth {each['present_value']:.4f} now"
            yield f"      ex {each['ex_date']}  {worth}"
    else:
        yield _row(
            "- dividends",
            answer["dividend_points"],
            f"d {answer['d']:.4%} a year ({answer['dividend_source']})",
        )
    yield _row("= fair value", answer["fair"], f"basis {answer['basis']:+.2f} points")
    yield (
        f"  by hand, simple and actual/360: {answer['spot']:.2f} x (1 + {answer['simple_rate']:.4%} x "
        f"{answer['days']:.4f} / 360) - {answer['dividend_points']:.2f} = {answer['fair']:.2f}"
    )


def _future(answer: dict[str, Any], pair: Pair) -> Iterator[str]:
    quoted, future, etf = answer["fut"], pair.future, pair.etf
    verdicts = {
        "cash_and_carry": f"sell {future} at the bid and buy {etf} at the ask: above the band",
        "reverse": f"buy {future} at the ask and sell {etf} at the bid: below the band",
        "none": "inside the band: neither direction pays",
    }
    yield f"{future} {quoted['bid']:.2f} - {quoted['ask']:.2f}: {verdicts[quoted['signal']]}"
    yield _row("mid deviation", quoted["deviation_bps"], "bps of fair value")
    repo, reverse = quoted["implied_repo_cash_and_carry"], quoted["implied_repo_reverse"]
    earned = "" if repo is None else f", implied repo {repo:,.4%} earned"
    paid = "" if reverse is None else f", implied repo {reverse:,.4%} paid"
    yield _row("cash-and-carry", quoted["edge_cash_and_carry_bps"], f"bps{earned}")
    yield _row("reverse", quoted["edge_reverse_bps"], f"bps{paid}")
    if quoted["level"] is not None:
        yield _row("level of quotes", quoted["level"], "index points a USD, where they are fair", digits=6)
    if answer["implied_financing"] is not None:
        yield f"  the market finances at {answer['implied_financing']:,.4%} a year, at mids"
    if quoted["implied_dividend_yield"] is not None:
        yield _row(
            "implied dividend",
            quoted["implied_dividend_points"],
            f"points at expiry, {quoted['implied_dividend_yield']:,.4%} a year, at mids",
        )


def _spread(spread: dict[str, Any]) -> Iterator[str]:
    name = spread["contract"] or "the later contract"
    yield f"Calendar spread to {name} ({spread['expiry']}) {spread['bid']:.2f} - {spread['ask']:.2f}"
    lent, borrowed = spread["rate_lent"], spread["rate_borrowed"]
    yield f"  buy near, sell far: lends at {lent:.4%}; the other way borrows at {borrowed:.4%}"
