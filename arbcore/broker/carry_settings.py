"""The carry bot's settings by name: where it connects, what it trades, and the desk's own numbers.

Owns the names and the values made of them. ``arbcore.system.configuration`` reads the settings, and the desk
owns the bounds of its numbers. It knows nothing of sockets or of the broker's library.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore.broker.news import (
    ALARM,
    FORMATS,
    HEARTBEAT,
    KINDS,
    TELEGRAM,
    Receiver,
    format_of,
    telegram_chat,
)
from arbcore.carry.calendar import read_expiry
from arbcore.carry.level import LevelMode, parse_level
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS, Pair, pair_of_future, pair_of_symbols
from arbcore.carry.terms import (
    RateHistory,
    Yields,
    check_reaches,
    parse_yields,
    read_dividends,
    read_rates,
)
from arbcore.core.settings import PREFIX, Config, Setting
from arbcore.core.text import plural, printable
from arbcore.desk.desk_settings import DeskSettings, DeskValue
from arbcore.errors import ArbcoreError, ConfigError, UsageError

PAPER_TWS, LIVE_TWS, PAPER_GATEWAY, LIVE_GATEWAY = 7497, 7496, 4002, 4001
#: The exit threshold as a share of the entry threshold, if only the entry is set.
EXIT_SHARE = 0.25
LIBRARIES = ("ib_insync", "ib_async")

# Names of the desk's fields that are not ARBCORE_DESK_<FIELD>.
_DESK_NAMES = {
    "trading_enabled": "TRADING_ENABLED",
    "entry_bps": "ENTRY_THRESHOLD_BPS",
    "exit_bps": "EXIT_THRESHOLD_BPS",
    "cost_bps": "ESTIMATED_COST_BPS",
    "stop_bps": "STOP_LOSS_BPS",
    "max_hold_days": "MAX_HOLD_DAYS",
    "cooldown_s": "COOLDOWN_SECONDS",
    "r": "RISK_FREE_RATE_ANNUAL",
    "d": "DIVIDEND_YIELD_ANNUAL",
    "true_factor": "ARBCORE_TRUE_FACTOR",
    "financing_spread_bps": "FINANCING_SPREAD_BPS",
    "short_rate": "SHORT_RATE_ANNUAL",
    "borrow_rate": "BORROW_RATE_ANNUAL",
    "contracts": "MAX_FUT_CONTRACTS",
    "daily_loss_usd": "DAILY_LOSS_LIMIT_USD",
    "hedge_timeout_s": "HEDGE_TIMEOUT_SECONDS",
    # Named after the first pair; kept because people have these names in their files.
    "etf_headroom": "ARBCORE_DESK_SPY_HEADROOM",
    "commission_fut_usd": "ARBCORE_DESK_COMMISSION_ES_USD",
    "commission_etf_usd": "ARBCORE_DESK_COMMISSION_SPY_USD",
}
# No settings of their own: they follow from the symbols, other settings, and the kind of run.
_DERIVED = frozenset({"pair", "factor", "funding_rate", "decide_on"})



def _level(text: str) -> float | str:
    """A level's setting: a number, or the mode in which it is learnt."""
    try:
        rule = parse_level(text)
    except ConfigError:
        rule = None
    if rule is None or rule.mode is LevelMode.COLUMN:
        raise ValueError(
            "track, track:HALF_LIFE such as track:30m, auto, auto:ROWS, or a number such as 10.03"
        )
    return rule.factor if rule.mode is LevelMode.NUMBER else text.strip().lower()


def _rate_or_file(text: str) -> float | str:
    """An annual rate as a decimal, or the name of a file of rates by date."""
    try:
        float(text)
    except ValueError:
        return text.strip()
    return _rate(text)


def _yields(text: str) -> float | str:
    """An annual dividend yield, or the text of a yield with further ones for single contracts."""
    try:
        found = parse_yields(text)
    except ConfigError:
        raise ValueError("a yield such as 0.013, or with contracts' own yields: 0.013,ESH26:0.011") from None
    return text.strip() if found.by_expiry_day else found.default


def _rate(text: str) -> float:
    """An annual rate as a decimal."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1.0 <= value <= 1.0:
        raise ValueError("a decimal between -1 and 1, such as 0.055")
    return value


_OWN = (
    Setting("IB_HOST", "text", "127.0.0.1", "host of TWS or IB Gateway"),
    Setting(
        "IB_PORT", "integer", PAPER_TWS,
        "7497 paper TWS, 7496 live TWS, 4002 paper Gateway, 4001 live Gateway (--live: 7496)", 1, 65_535,
    ),
    Setting("IB_CLIENT_ID", "integer", 17, "client id at TWS; each bot needs its own", 0, 2_147_483_647),
    Setting("FUT_SYMBOL", "choice", DEFAULT_PAIR.future, "the future",
            options=tuple(pair.future for pair in PAIRS)),
    Setting("FUT_EXCHANGE", "text", "", "exchange of the future; unset: the pair's"),
    Setting("FUT_CURRENCY", "text", "USD", "currency of the future"),
    Setting("FUT_USE_FRONT_MONTH", "switch", True,
            "trade the front contract; if off, the one of ARBCORE_FUT_EXPIRY"),
    Setting("FUT_FRONT_MONTH_OFFSET", "integer", 0, "0 the front contract, 1 the next one, ...", 0, 3),
    Setting("ARBCORE_FUT_EXPIRY", "text", "", "contract for FUT_USE_FRONT_MONTH=0: a date or a code"),
    Setting("SPY_SYMBOL", "choice", DEFAULT_PAIR.etf,
            "the ETF; FUT_SYMBOL and SPY_SYMBOL must be a pair of the table",
            options=tuple(dict.fromkeys(pair.etf for pair in PAIRS))),
    Setting("SPY_EXCHANGE", "text", "SMART", "exchange of the ETF's orders"),
    Setting("SPY_CURRENCY", "text", "USD", "currency of the ETF"),
    Setting(
        "SPY_TO_INDEX_FACTOR", "level", "track",
        "track[:HALF_LIFE] learns the level from the quotes, auto[:ROWS] measures it once, or a number",
        parse=_level,
    ),
    Setting(
        "RISK_FREE_RATE_ANNUAL", "rate", 0.045,
        "annual rate, or a file of rates by date (date,rate or FRED's DTB3, SOFR)", parse=_rate_or_file,
    ),
    Setting(
        "DIVIDEND_YIELD_ANNUAL", "yield", 0.014,
        "annual dividend yield, also with contracts' own: 0.013,ESH26:0.011", parse=_yields,
    ),
    Setting(
        "FUNDING_RATE_ANNUAL", "rate", "", "annual rate a long ETF leg pays; unset: its entry rate",
        parse=_rate,
    ),
    Setting(
        "DIVIDENDS_FILE", "text", "", "the ETF's dividends (ex_date,amount[,unit]), used instead of the yield"
    ),
    Setting("FRED_API_KEY", "text", "", "API key of FRED; with it the rate comes from FRED", secret=True),
    Setting("FRED_SERIES_ID", "text", "DTB3", "series of the rate"),
    Setting("LOG_LEVEL", "choice", "INFO", "least level of log records to write",
            options=("DEBUG", "INFO", "WARNING", "ERROR")),
    Setting("DB_PATH", "text", "arb_bot.sqlite3", "file of the store"),
    Setting("ARBCORE_LOG_PATH", "text", "logs/arb_bot.log", "file of the log; it rotates"),
    Setting("ARBCORE_LIVE_ACCOUNT", "text", "", "the only account that --live may trade"),
    Setting("ARBCORE_ACCOUNT", "text", "", "account to trade if the login has several"),
    Setting("ARBCORE_IB_LIBRARY", "choice", "", "ib_insync or ib_async, if both are installed",
            options=LIBRARIES),
    Setting("ARBCORE_ALERT_URL", "addresses", (),
            "addresses to post messages to, separated by commas", secret=True),
    Setting("ARBCORE_ALERT_FORMAT", "words", (),
            "their format, one for all or one each: slack, discord, telegram, ntfy, json (default: by "
            "the host)",
            options=FORMATS),
    Setting("ARBCORE_ALERT_KINDS", "words", (ALARM,),
            "kinds of messages to send: alarm, start, stop, trade, daily, heartbeat", options=KINDS),
    Setting("ARBCORE_HEARTBEAT_URL", "address", "", "address requested each minute while well", secret=True),
    Setting("ARBCORE_CONNECT_TIMEOUT_S", "number", 10.0, "how long a connection may take", 0.5, 600.0),
)  # fmt: skip


def carry_settings() -> tuple[Setting, ...]:
    """Every setting of the carry bot: its own and the desk's."""
    own = {setting.name for setting in _OWN}
    return (*_OWN, *(_of_desk(item) for item in _desk_fields() if setting_name(item.name) not in own))


def _desk_fields() -> list[Any]:
    return [item for item in dataclasses.fields(DeskSettings) if item.name not in _DERIVED]


def setting_name(field_name: str) -> str:
    """The setting's name for one of the desk's fields: ``stale_s`` -> ``ARBCORE_DESK_STALE_S``."""
    return _DESK_NAMES.get(field_name, f"{PREFIX}DESK_{field_name.upper()}")


def _of_desk(item: Any) -> Setting:
    name, rule = setting_name(item.name), item.metadata
    if "switch" in rule:
        return Setting(name, "switch", item.default, rule["help"])
    if "options" in rule:
        return Setting(name, "choice", item.default, rule["help"], options=rule["options"])
    kind = "integer" if isinstance(item.default, int) else "number"
    return Setting(name, kind, item.default, rule["help"], rule["low"], rule["high"])


@dataclass(frozen=True, slots=True)
class IbkrSettings:
    """Where the bot connects and what it trades. ``expiry_ns`` is None for the front contract."""

    host: str
    port: int
    client_id: int
    library: str
    connect_timeout_s: float
    pair: Pair
    future_exchange: str
    future_currency: str
    front_offset: int
    expiry_ns: int | None
    fund_exchange: str
    fund_currency: str
    fred_series: str
    fred_key: str = dataclasses.field(repr=False)
    receivers: tuple[Receiver, ...] = dataclasses.field(repr=False)
    alert_kinds: frozenset[str]
    heartbeat_url: str = dataclasses.field(repr=False)
    live_account: str
    account: str
    store_path: Path
    log_path: Path
    log_level: str


def pair_of_settings(config: Config) -> Pair:
    """The pair of FUT_SYMBOL and SPY_SYMBOL. Raises ConfigError if the two symbols are not a pair."""
    future, etf = config["FUT_SYMBOL"], config["SPY_SYMBOL"]
    try:
        return pair_of_symbols(future, etf)
    except UsageError:
        own = pair_of_future(future)
        raise ConfigError(
            f"FUT_SYMBOL ({config.source('FUT_SYMBOL')}) is {future} and SPY_SYMBOL, the ETF's setting "
            f"({config.source('SPY_SYMBOL')}), is {etf}; they are not a pair"
            + (f": set SPY_SYMBOL={own.etf}." if own is not None else ".")
        ) from None


def ibkr_settings(config: Config, *, live: bool) -> IbkrSettings:
    """The connection's settings from the resolved ones. Raises ConfigError for an impossible expiry."""
    port = config["IB_PORT"]
    if live and config.source("IB_PORT") == "default":
        port = LIVE_TWS
    return IbkrSettings(
        host=config["IB_HOST"],
        port=port,
        client_id=config["IB_CLIENT_ID"],
        library=config["ARBCORE_IB_LIBRARY"],
        connect_timeout_s=config["ARBCORE_CONNECT_TIMEOUT_S"],
        pair=(pair := pair_of_settings(config)),
        future_exchange=config["FUT_EXCHANGE"] or pair.exchange,
        future_currency=config["FUT_CURRENCY"],
        front_offset=config["FUT_FRONT_MONTH_OFFSET"],
        expiry_ns=_expiry(config),
        fund_exchange=config["SPY_EXCHANGE"],
        fund_currency=config["SPY_CURRENCY"],
        fred_series=config["FRED_SERIES_ID"],
        fred_key=config["FRED_API_KEY"],
        receivers=_receivers(config),
        alert_kinds=_alert_kinds(config),
        heartbeat_url=config["ARBCORE_HEARTBEAT_URL"],
        live_account=config["ARBCORE_LIVE_ACCOUNT"],
        account=config["ARBCORE_ACCOUNT"],
        store_path=_store_path(config),
        log_path=Path(config["ARBCORE_LOG_PATH"]),
        log_level=config["LOG_LEVEL"],
    )


def _receivers(config: Config) -> tuple[Receiver, ...]:
    urls, formats = config["ARBCORE_ALERT_URL"], config["ARBCORE_ALERT_FORMAT"]
    if len(formats) > 1 and len(formats) != len(urls):
        source = config.source("ARBCORE_ALERT_FORMAT")
        raise ConfigError(
            f"ARBCORE_ALERT_FORMAT ({source}) has {plural(len(formats), 'format')} for "
            f"{len(urls)} in ARBCORE_ALERT_URL; give one for all, or one each."
        )
    if len(formats) <= 1:
        formats = formats * len(urls) or tuple(map(format_of, urls))
    for number, (url, form) in enumerate(zip(urls, formats, strict=True), 1):
        if form == TELEGRAM and not telegram_chat(url):
            source = config.source("ARBCORE_ALERT_URL")
            raise ConfigError(
                f"ARBCORE_ALERT_URL ({source}), address {number}, is Telegram's and needs the chat: end it "
                "with ?chat_id=NUMBER."
            )
    return tuple(map(Receiver, urls, formats))


def _alert_kinds(config: Config) -> frozenset[str]:
    kinds = frozenset(config["ARBCORE_ALERT_KINDS"])
    if HEARTBEAT in kinds and not config["ARBCORE_HEARTBEAT_URL"]:
        source = config.source("ARBCORE_ALERT_KINDS")
        raise ConfigError(
            f"ARBCORE_ALERT_KINDS ({source}) has heartbeat, which needs ARBCORE_HEARTBEAT_URL."
        )
    return kinds


def _store_path(config: Config) -> Path:
    path = Path(config["DB_PATH"])
    if not path.name or path.is_dir():
        source = config.source("DB_PATH")
        raise ConfigError(f"DB_PATH ({source}) is the folder {printable(str(path))}; name the store's file.")
    return path


def _expiry(config: Config) -> int | None:
    text = config["ARBCORE_FUT_EXPIRY"]
    if config["FUT_USE_FRONT_MONTH"]:
        return None
    if not text:
        raise ConfigError("FUT_USE_FRONT_MONTH=0 needs ARBCORE_FUT_EXPIRY, a date or a code such as ESH27.")
    try:
        return read_expiry(text)
    except ArbcoreError as error:
        source = config.source("ARBCORE_FUT_EXPIRY")
        raise ConfigError(f"ARBCORE_FUT_EXPIRY ({source}) is not an expiry: {error}") from None


def desk_settings(config: Config, **changes: DeskValue) -> DeskSettings:
    """The desk's settings from the resolved ones; ``changes`` are the values that the kind of run sets.

    Raises ConfigError for settings that contradict each other.
    """
    values = {item.name: config[setting_name(item.name)] for item in _desk_fields()}
    # ``rate_history`` and ``dividends_as_set`` read a setting that is not a number; the desk gets the
    # default.
    for field, setting in (("r", "RISK_FREE_RATE_ANNUAL"), ("d", "DIVIDEND_YIELD_ANNUAL")):
        if isinstance(config[setting], str):
            values[field] = getattr(DeskSettings, field)
    values["pair"] = pair = pair_of_settings(config)
    if config.source("EXIT_THRESHOLD_BPS").startswith("default"):
        values["exit_bps"] = EXIT_SHARE * values["entry_bps"]
    if config.source("ESTIMATED_COST_BPS").startswith("default"):
        values["cost_bps"] = pair.cost_bps
    entered_bps = values["entry_bps"] + values["cost_bps"]
    if values["exit_bps"] >= entered_bps:
        source = config.source("EXIT_THRESHOLD_BPS")
        raise ConfigError(
            f"EXIT_THRESHOLD_BPS ({source}) is {values['exit_bps']:g} and a pair is entered at "
            f"{entered_bps:g} (ENTRY_THRESHOLD_BPS and ESTIMATED_COST_BPS), so it would be closed at once; "
            "set the exit lower."
        )
    _check_broker_rates(config)
    factor = config["SPY_TO_INDEX_FACTOR"]
    values["factor"] = factor
    values["funding_rate"] = config["FUNDING_RATE_ANNUAL"] if config["FUNDING_RATE_ANNUAL"] != "" else None
    return DeskSettings(**{**values, **changes})


def _check_broker_rates(config: Config) -> None:
    """ConfigError where the broker's rates are to be booked and others are set beside them."""
    name = setting_name("broker_rates")
    if not config[name]:
        return
    for other in ("FUNDING_RATE_ANNUAL", "SHORT_RATE_ANNUAL"):
        if not config.source(other).startswith("default"):
            raise ConfigError(
                f"{name} ({config.source(name)}) takes the place of {other} ({config.source(other)}); set "
                "one of them."
            )


def resolved_rates(config: Config) -> str:
    """The file of rates that RISK_FREE_RATE_ANNUAL names; empty if the setting is a number."""
    value = config["RISK_FREE_RATE_ANNUAL"]
    return value if isinstance(value, str) else ""


def rate_history(config: Config, *, first_ns: int) -> RateHistory | None:
    """The rates of the file that RISK_FREE_RATE_ANNUAL names; None if the setting is a number.

    Args:
        config: the resolved settings.
        first_ns: when the run begins, or the first row of its quotes.

    Raises:
        ConfigError: the file cannot be read.
        InputError: a line is malformed, or the file has no rate of the week before the run.
    """
    path = resolved_rates(config)
    if not path:
        return None
    lines = _lines_of(config, "RISK_FREE_RATE_ANNUAL", path)
    history = read_rates(lines, name=printable(path))
    history.known_at(first_ns)
    return history


def _lines_of(config: Config, setting: str, path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        source = config.source(setting)
        raise ConfigError(f"{setting} ({source}) {printable(path)} cannot be read: {why}.") from error
    return text.splitlines(keepends=True)


def dividends_as_set(config: Config, *, first_ns: int) -> tuple[PaidDividend, ...] | Yields | None:
    """The schedule of DIVIDENDS_FILE, or the yields of contracts; None if there is one yield only.

    Args:
        config: the resolved settings.
        first_ns: when the run begins, or the first row of its quotes.

    Raises:
        ConfigError: the file cannot be read, or a yield is set as well.
        InputError: a line is malformed, or the file ends before the run.
    """
    path, dividend_yield = config["DIVIDENDS_FILE"], config["DIVIDEND_YIELD_ANNUAL"]
    if not path:
        return parse_yields(dividend_yield) if isinstance(dividend_yield, str) else None
    source = config.source("DIVIDENDS_FILE")
    if not config.source("DIVIDEND_YIELD_ANNUAL").startswith("default"):
        raise ConfigError(
            f"DIVIDENDS_FILE ({source}) and DIVIDEND_YIELD_ANNUAL "
            f"({config.source('DIVIDEND_YIELD_ANNUAL')}) are both set; keep the schedule or the yield."
        )
    name = f"DIVIDENDS_FILE ({source}) {printable(path)}"
    schedule = read_dividends(_lines_of(config, "DIVIDENDS_FILE", path), name=name)
    check_reaches(schedule, name=name, first_ns=first_ns)
    return schedule


def check_guards(config: Config, desk: DeskSettings, *, fut_level: float | None = None) -> None:
    """Refuses settings with which one guard can never act, because another one always acts before it.

    Args:
        config: The resolved settings, for the sources in the error.
        desk: The settings of the run.
        fut_level: The future's price, to convert basis points into dollars; None for a rough one.

    Raises:
        ConfigError: The error names both settings with both numbers.
    """

    def named(setting: str) -> str:
        return f"{setting} ({config.source(setting)})"

    entered_bps = desk.entry_bps + desk.cost_bps
    furthest = named("ARBCORE_DESK_DEVIATION_MAX_BPS")
    if desk.deviation_max_bps <= entered_bps:
        raise ConfigError(
            f"{furthest} is {desk.deviation_max_bps:g} and a pair is entered at {entered_bps:g} bps, so "
            "nothing is ever entered: quotes that far from fair value count as wrong; set it higher."
        )
    if desk.collar_bps <= desk.hedge_offset_bps:
        collar, offset = named("ARBCORE_DESK_COLLAR_BPS"), named("ARBCORE_DESK_HEDGE_OFFSET_BPS")
        raise ConfigError(
            f"{collar} is {desk.collar_bps:g} and {offset} is {desk.hedge_offset_bps:g}, so a hedge is "
            "always outside the collar and never sent; set the collar wider."
        )
    if not desk.stop_bps:
        return
    stop = named("STOP_LOSS_BPS")
    if desk.deviation_max_bps <= entered_bps + desk.stop_bps:
        raise ConfigError(
            f"{stop} is {desk.stop_bps:g}, which is {entered_bps + desk.stop_bps:g} bps from fair value, and "
            f"{furthest} is {desk.deviation_max_bps:g}: quotes that far away count as wrong, so the stop "
            "can never act; set the stop lower."
        )
    fut_level = fut_level or desk.pair.fut_usd
    notional_usd = desk.contracts * desk.multiplier * fut_level
    stop_usd = desk.stop_bps * 1e-4 * notional_usd
    if stop_usd >= desk.daily_loss_usd:
        limit_bps = desk.daily_loss_usd / notional_usd * 1e4
        limit = f"{named('DAILY_LOSS_LIMIT_USD')} is {desk.daily_loss_usd:,.0f} USD"
        raise ConfigError(
            f"{stop} is {desk.stop_bps:g}, a loss of {stop_usd:,.0f} USD for "
            f"{plural(desk.contracts, 'contract')} at {fut_level:,.0f}, and {limit}, which is "
            f"{limit_bps:.1f} bps: the limit always acts first and the stop never does; set the stop below "
            f"{limit_bps:.1f} or to 0, or the limit above {stop_usd:,.0f}."
        )


def simulated_store(path: Path) -> Path:
    """The store of a simulated run, beside the real one: ``arb_bot.simulated.sqlite3``."""
    return path.with_name(f"{path.stem}.simulated{path.suffix}")
