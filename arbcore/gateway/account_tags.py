"""Every tag of an account that clients request, in the broker's spelling.

The account computes its main numbers; this module derives the others, by segment and by currency.
"""

from collections.abc import Iterator

from arbcore.gateway.account import Account, Marks

#: Tags that the broker repeats for a segment of the account: -S of shares, -C of futures.
_SEGMENTED = (
    "AvailableFunds", "ExcessLiquidity", "EquityWithLoanValue", "FullAvailableFunds", "FullExcessLiquidity",
    "FullInitMarginReq", "FullMaintMarginReq", "GrossPositionValue", "InitMarginReq",
    "LookAheadAvailableFunds",
    "LookAheadExcessLiquidity", "LookAheadInitMarginReq", "LookAheadMaintMarginReq", "MaintMarginReq",
    "NetLiquidation", "TotalCashValue",
)  # fmt: skip
LEDGER = "$LEDGER"
_LEDGER_TAGS = (
    "CashBalance", "TotalCashBalance", "NetLiquidationByCurrency", "StockMarketValue", "FutureOptionValue",
    "FuturesPNL", "UnrealizedPnL", "RealizedPnL", "ExchangeRate", "AccruedCash", "RealCurrency",
)  # fmt: skip


def values(account: Account, marks: Marks) -> Iterator[tuple[str, str, str]]:
    """(tag, value, currency) of all values, in the order of a subscription to an account."""
    known = {tag: (value, currency) for tag, value, currency in account.values(marks)}
    yield from ((tag, value, currency) for tag, (value, currency) in known.items())
    derived = _derived(account, {tag: value for tag, (value, _) in known.items()})
    for tag, value, currency in derived:
        if tag not in known:
            yield tag, value, currency
    numbers = {tag: value for tag, (value, _) in known.items()} | {tag: value for tag, value, _ in derived}
    for tag in _SEGMENTED:
        if tag in numbers:
            yield f"{tag}-S", numbers[tag], "USD"
            yield f"{tag}-C", "0.00", "USD"
    for tag, value, currency in ledger(account, marks, ("USD", "BASE")):
        if (tag, currency) not in {("UnrealizedPnL", "USD"), ("RealizedPnL", "USD"), ("CashBalance", "USD")}:
            yield tag, value, currency


def summary(account: Account, marks: Marks, tags: str) -> Iterator[tuple[str, str, str]]:
    """The values of a summary of comma-separated tags; ``$LEDGER`` requests cash by currency."""
    wanted = [tag.strip() for tag in tags.split(",")]
    seen = {tag for tag in wanted if not tag.startswith(LEDGER)}
    every = "All" in seen or not any(wanted)
    for tag, value, currency in values(account, marks):
        if (tag in seen or every) and currency != "BASE":
            yield tag, value, currency
    for tag in wanted:
        if tag.startswith(LEDGER):
            currency = tag.partition(":")[2] or "BASE"
            chosen = ("BASE", "USD") if currency.upper() == "ALL" else (currency.upper(),)
            yield from ledger(account, marks, tuple(each for each in chosen if each in {"BASE", "USD"}))


def ledger(account: Account, marks: Marks, currencies: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Cash and its value by currency; the account has one currency, and BASE, which is the same."""
    held = [each for each in account.positions.values() if each.quantity]
    shares = sum(p.quantity * marks(p.listing) for p in held if p.listing.sec_type == "STK")
    futures = sum(p.unrealized(marks(p.listing)) for p in held if p.listing.sec_type == "FUT")
    numbers = {
        "CashBalance": account.cash, "TotalCashBalance": account.cash,
        "NetLiquidationByCurrency": account.net_liquidation(marks), "StockMarketValue": shares,
        "FutureOptionValue": 0.0, "FuturesPNL": futures, "AccruedCash": 0.0,
        "UnrealizedPnL": sum(p.unrealized(marks(p.listing)) for p in held),
        "RealizedPnL": sum(p.realized for p in account.positions.values()),
    }  # fmt: skip
    for currency in currencies:
        for tag in _LEDGER_TAGS:
            text = {"ExchangeRate": "1.00", "RealCurrency": currency}.get(tag)
            yield tag, text if text is not None else f"{numbers[tag]:.2f}", currency


def _derived(account: Account, known: dict[str, str]) -> list[tuple[str, str, str]]:
    worth, initial = float(known["NetLiquidation"]), float(known["InitMarginReq"])
    maintenance, gross = float(known["MaintMarginReq"]), float(known["GrossPositionValue"])
    cushion = (worth - maintenance) / worth if worth > 0.0 else 0.0
    money = {
        "AccruedCash": 0.0, "AccruedDividend": 0.0, "Billable": 0.0, "IndianStockHaircut": 0.0,
        "FullAvailableFunds": worth - initial, "FullExcessLiquidity": worth - maintenance,
        "FullInitMarginReq": initial, "FullMaintMarginReq": maintenance,
        "LookAheadAvailableFunds": worth - initial, "LookAheadExcessLiquidity": worth - maintenance,
        "LookAheadInitMarginReq": initial, "LookAheadMaintMarginReq": maintenance,
        "PreviousDayEquityWithLoanValue": account.start_cash, "RegTEquity": worth,
        "RegTMargin": 0.5 * gross, "SMA": worth - 0.5 * gross, "PASharesValue": 0.0,
        "NetDividend": 0.0, "Guarantee": 0.0, "PhysicalCertificateValue": 0.0,
    }  # fmt: skip
    lines = [(tag, f"{value:.2f}", "USD") for tag, value in money.items()]
    leverage = gross / worth if worth > 0.0 else 0.0
    return [
        *lines,
        ("AccountCode", account.name, ""), ("AccountOrGroup", account.name, "USD"),
        ("Cushion", f"{cushion:.6f}", ""), ("DayTradesRemaining", "-1", ""),
        ("LookAheadNextChange", "0", ""), ("HighestSeverity", "0", ""), ("Leverage", f"{leverage:.2f}", ""),
        ("Leverage-S", f"{leverage:.2f}", ""), ("TradingType-S", "STKNOPT", ""),
        ("SegmentTitle-S", "US Securities", ""), ("SegmentTitle-C", "US Commodities", ""),
        ("WhatIfPMEnabled", "true", ""),
    ]  # fmt: skip
