"""Formats past bars and trades for messages."""

from arbcore.core.civil import NS_PER_DAY, NS_PER_S, utc_to_new_york
from arbcore.gateway import replies
from arbcore.gateway.contract_table import Listing, compact_date
from arbcore.gateway.frames import Field, frame_of
from arbcore.gateway.history import CONTRACTS_A_TRADE, SHARES_A_TRADE, Bar, PastQuote


def lot_of(listing: Listing) -> float:
    """The size of each trade of a recorded row."""
    return CONTRACTS_A_TRADE if listing.sec_type == "FUT" else SHARES_A_TRADE


def bar_time(ts_ns: int, *, size_ns: int, epoch: bool) -> str:
    """The time of a bar: a date for days, else a clock or seconds since 1970."""
    if size_ns >= NS_PER_DAY:
        return compact_date(utc_to_new_york(ts_ns)[0])
    return str(ts_ns // NS_PER_S) if epoch else replies.stamp(ts_ns)


def bar_fields(bar: Bar, listing: Listing, *, size_ns: int, epoch: bool) -> list[Field]:
    """The fields of a bar in a message, from its time to its count."""
    volume = int(bar.volume * lot_of(listing)) if bar.volume > 0.0 else -1
    return [
        bar_time(bar.ts_ns, size_ns=size_ns, epoch=epoch), bar.open, bar.high, bar.low, bar.close, volume,
        bar.average, bar.trades,
    ]  # fmt: skip


def ticks_message(req_id: int, found: list[PastQuote], *, what: str, listing: Listing) -> bytes:
    """Past ticks of TRADES, MIDPOINT or BID_ASK: one message, the complete response."""
    number, fields = {"MIDPOINT": 96, "BID_ASK": 97}.get(what, 98), list[Field]()
    for quote in found:
        at = quote.ts_ns // NS_PER_S
        if number == 96:
            fields += [at, 0, quote.mid, 0]
        elif number == 97:
            fields += [at, 0, quote.bid, quote.ask, int(quote.bid_size), int(quote.ask_size)]
        else:
            fields += [at, 0, quote.trade, int(lot_of(listing)), listing.trade_exchange, ""]
    return frame_of([number, req_id, len(found), *fields, True])
