"""The exchange bot's settings by name: its target, the session's, and one group per built-in strategy."""

import re

from arbcore.core.settings import LISTEN_TOKEN, PREFIX, Setting, declared
from arbcore.play.teams_file import PASSWORD_LENGTH_MAX, is_password
from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings
from arbcore.wire.instruments import MESSAGES_PER_SECOND_MAX, POSITION_LIMITS, SIZE_MAX, TEAM_LENGTH_MAX


def _team(text: str) -> str:
    if not re.fullmatch(f"[A-Za-z]{{1,{TEAM_LENGTH_MAX}}}", text):
        raise ValueError(f"1 to {TEAM_LENGTH_MAX} letters A to Z")
    return text.upper()


def _password(text: str) -> str:
    if not is_password(text):
        raise ValueError(f"at most {PASSWORD_LENGTH_MAX} printable ASCII characters and no space")
    return text


def _limits(text: str) -> dict[str, int]:
    limits = dict(POSITION_LIMITS)
    seen: set[str] = set()
    for item in text.split(","):
        symbol, equals, size = (part.strip() for part in item.partition("="))
        if not equals or symbol not in POSITION_LIMITS or not re.fullmatch(r"[0-9]{1,9}", size):
            raise ValueError(f"a list such as VALE=10,XLF=100 of the symbols {', '.join(POSITION_LIMITS)}")
        if symbol in seen:
            raise ValueError(f"a list that names {symbol} once")
        if int(size) > SIZE_MAX:
            raise ValueError(f"at most {SIZE_MAX} for {symbol}")
        seen.add(symbol)
        limits[symbol] = int(size)
    return limits


BASE_SETTINGS = (
    Setting(
        "ARBCORE_TEAM", "team", "", "team name, letters only; named, --test dials the real test exchange",
        parse=_team,
    ),
    Setting(
        "ARBCORE_PASSWORD", "password", "", "the password of the team, where there is one; sent in the clear",
        parse=_password, secret=True,
    ),
    Setting("ARBCORE_HOST", "text", "", "host of the exchange"),
    Setting("ARBCORE_PORT", "integer", None, "port of the exchange", 1, 65_535),
    LISTEN_TOKEN,
    Setting(
        "ARBCORE_POSITION_LIMITS",
        "limits",
        dict(POSITION_LIMITS),
        "largest position either way, such as VALE=10,XLF=100; never above the exchange's own limits",
        parse=_limits,
    ),
)
# A higher cap would lose messages: the exchange ignores those beyond its own cap.
_NARROWER = {"ARBCORE_MESSAGE_CAP": MESSAGES_PER_SECOND_MAX}


def exchange_settings() -> tuple[Setting, ...]:
    """The exchange bot's settings: its target, the session's, and one group per built-in strategy.

    A group is named ``ARBCORE_<STRATEGY>_<OPTION>``. Times that the classes keep in nanoseconds are set in
    milliseconds.
    """
    found = list(BASE_SETTINGS) + declared(SessionSettings, PREFIX, narrower=_NARROWER)
    for name, group in STRATEGY_SETTINGS.items():
        prefix = f"{PREFIX}{name.upper()}_"
        found.append(Setting(f"{prefix}ENABLED", "switch", True, f"trade with the strategy {name}"))
        found += declared(group, prefix, narrower=_NARROWER)
    return tuple(found)
