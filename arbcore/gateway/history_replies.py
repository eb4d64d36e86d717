"""How bars and trades of the past are spelled in messages."""

from arbcore.core.civil import NS_PER_DAY, NS_PER_S, utc_to_new_york
from arbcore.gateway import replies
from arbcore.gateway.contract_table import Listing, compact_date
from arbcore.gateway.frames import Field
from arbcore.gateway.history import CONTRACTS_A_TRADE, SHARES_A_TRADE, Bar


def lot_of(listing: Listing) -> float:
    """The size of each trade that a recording stands for."""
    return CONTRACTS_A_TRADE if listing.sec_type == "FUT" else SHARES_A_TRADE


def trade_exchange(listing: Listing) -> str:
    """Where a trade happened."""
    return "ARCA" if listing.sec_type == "STK" else listing.exchange


def bar_time(ts_ns: int, *, size_ns: int, epoch: bool) -> str:
    """The time of a bar: a date for days, else a clock or seconds since 1970."""
    if size_ns >= NS_PER_DAY:
        return compact_date(utc_to_new_york(ts_ns)[0])
    return str(ts_ns // NS_PER_S) if epoch else replies.stamp(ts_ns)


def bar_fields(bar: Bar, listing: Listing, *, size_ns: int, epoch: bool) -> list[Field]:
    """A bar as a message has it, from its time to its count."""
    volume = int(bar.volume * lot_of(listing)) if bar.volume > 0.0 else -1
    return [
        bar_time(bar.ts_ns, size_ns=size_ns, epoch=epoch), bar.open, bar.high, bar.low, bar.close, volume,
        bar.average, bar.trades,
    ]  # fmt: skip
