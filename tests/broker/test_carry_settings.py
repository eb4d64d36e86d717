"""The carry bot's settings: every name of the design, its default, and what it becomes."""

from functools import partial
from pathlib import Path

import pytest

from arbcore.broker.carry_settings import (
    carry_settings,
    check_guards,
    desk_settings,
    dividends_as_set,
    ibkr_settings,
    rate_history,
)
from arbcore.broker.rate_source import rate_of_file
from arbcore.carry.calendar import read_expiry
from arbcore.carry.pairs import PAIRS, Pair, pair_named
from arbcore.carry.terms import Yields
from arbcore.core.civil import read_time
from arbcore.core.settings import Config
from arbcore.desk.desk_settings import DeskSettings
from arbcore.errors import ConfigError, InputError
from arbcore.play.exchange_settings import exchange_settings
from arbcore.system import configuration

NAMES = {
    "IB_HOST", "IB_PORT", "IB_CLIENT_ID", "TRADING_ENABLED", "FUT_SYMBOL", "FUT_EXCHANGE", "FUT_CURRENCY",
    "FUT_USE_FRONT_MONTH", "FUT_FRONT_MONTH_OFFSET", "SPY_SYMBOL", "SPY_EXCHANGE", "SPY_CURRENCY",
    "SPY_TO_INDEX_FACTOR", "RISK_FREE_RATE_ANNUAL", "DIVIDEND_YIELD_ANNUAL", "FRED_API_KEY",
    "FRED_SERIES_ID", "ENTRY_THRESHOLD_BPS", "EXIT_THRESHOLD_BPS", "ESTIMATED_COST_BPS",
    "COOLDOWN_SECONDS", "MAX_HOLD_DAYS", "MAX_FUT_CONTRACTS", "DAILY_LOSS_LIMIT_USD", "STOP_LOSS_BPS",
    "HEDGE_TIMEOUT_SECONDS", "LOG_LEVEL", "DB_PATH",
}  # fmt: skip


def load(directory: Path, **environ: str) -> Config:
    return configuration.load(carry_settings(), directory, environ)


def test_every_name_of_the_design_is_a_setting() -> None:
    assert not NAMES - {setting.name for setting in carry_settings()}


def test_no_name_is_given_twice() -> None:
    names = [setting.name for setting in (*exchange_settings(), *carry_settings())]
    assert len(names) == len(set(names))


def test_the_defaults_are_those_of_the_design(tmp_path: Path) -> None:
    resolved = load(tmp_path)
    desk, ibkr = desk_settings(resolved), ibkr_settings(resolved, live=False)
    assert desk == DeskSettings()
    assert desk.trading_enabled is False
    assert (desk.entry_bps, desk.exit_bps, desk.cost_bps, desk.stop_bps) == (3.0, 0.75, 0.5, 0.0)
    assert (desk.cooldown_s, desk.max_hold_days, desk.contracts) == (60.0, 1.0, 1)
    assert (desk.daily_loss_usd, desk.hedge_timeout_s) == (250.0, 5.0)
    assert (ibkr.host, ibkr.port, str(ibkr.store_path)) == ("127.0.0.1", 7497, "arb_bot.sqlite3")
    assert str(ibkr.log_path) == str(Path("logs/arb_bot.log"))


def test_a_value_of_every_desk_setting_arrives_at_its_field(tmp_path: Path) -> None:
    resolved = load(
        tmp_path, TRADING_ENABLED="1", ENTRY_THRESHOLD_BPS="12.5", MAX_FUT_CONTRACTS="3",
        ARBCORE_DESK_STALE_S="2", ARBCORE_DESK_ENTRY_ORDER="fut_first",
    )  # fmt: skip
    desk = desk_settings(resolved, decide_on="row")
    assert (desk.trading_enabled, desk.entry_bps, desk.contracts) == (True, 12.5, 3)
    assert (desk.stale_s, desk.entry_order, desk.decide_on) == (2.0, "fut_first", "row")


def test_live_dials_the_live_port_unless_one_was_named(tmp_path: Path) -> None:
    assert ibkr_settings(load(tmp_path), live=True).port == 7496
    assert ibkr_settings(load(tmp_path, IB_PORT="4001"), live=True).port == 4001


def test_the_micro_contract_has_its_own_multiplier(tmp_path: Path) -> None:
    chosen = desk_settings(load(tmp_path, FUT_SYMBOL="mes"))
    assert (chosen.pair, chosen.multiplier, chosen.cost_bps) == (pair_named("mes-spy"), 5.0, 1.2)
    assert desk_settings(load(tmp_path)).cost_bps == 0.5
    assert desk_settings(load(tmp_path, FUT_SYMBOL="MES", ESTIMATED_COST_BPS="0.5")).cost_bps == 0.5


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_two_symbols_choose_all_that_follows_from_a_pair(tmp_path: Path, pair: Pair) -> None:
    resolved = load(tmp_path, FUT_SYMBOL=pair.future, SPY_SYMBOL=pair.etf.lower())
    link, desk = ibkr_settings(resolved, live=False), desk_settings(resolved)
    assert link.pair is desk.pair is pair
    assert (link.future_exchange, desk.multiplier, desk.cost_bps) == (
        pair.exchange, pair.multiplier, pair.cost_bps,
    )  # fmt: skip
    elsewhere = load(tmp_path, FUT_SYMBOL=pair.future, SPY_SYMBOL=pair.etf, FUT_EXCHANGE="QBALGO")
    assert ibkr_settings(elsewhere, live=False).future_exchange == "QBALGO"


@pytest.mark.parametrize(
    ("symbols", "sentence"),
    [
        ({"SPY_SYMBOL": "QQQ"}, r"\(default\) is ES .* \(environment\), is QQQ; .*: set SPY_SYMBOL=SPY"),
        ({"FUT_SYMBOL": "NQ"}, "NQ and SPY_SYMBOL, .* is SPY; they are not a pair: set SPY_SYMBOL=QQQ"),
    ],
)
def test_a_future_and_an_etf_of_two_indexes_are_no_pair(
    tmp_path: Path, symbols: dict[str, str], sentence: str
) -> None:
    for read in (desk_settings, partial(ibkr_settings, live=False)):
        with pytest.raises(ConfigError, match=sentence):
            read(load(tmp_path, **symbols))


@pytest.mark.parametrize(
    ("text", "factor"),
    [("track", "track"), ("Track:30m", "track:30m"), ("AUTO:50", "auto:50"), ("10.03", 10.03)],
)
def test_the_level_is_learnt_measured_or_a_number(tmp_path: Path, text: str, factor: float | str) -> None:
    assert desk_settings(load(tmp_path, SPY_TO_INDEX_FACTOR=text)).factor == factor


def test_rates_of_the_etf_leg_and_a_file_of_dividends(tmp_path: Path) -> None:
    assert desk_settings(load(tmp_path)).funding_rate is None
    chosen = desk_settings(load(tmp_path, FUNDING_RATE_ANNUAL="0", SHORT_RATE_ANNUAL="0.02"))
    assert (chosen.funding_rate, chosen.short_rate, chosen.borrow_rate) == (0.0, 0.02, 0.0)
    assert dividends_as_set(load(tmp_path), first_ns=0) is None
    path = tmp_path / "d.csv"
    path.write_text("ex_date,amount\n2026-03-20,1.9\n")
    named = load(tmp_path, DIVIDENDS_FILE=str(path))
    ex_ns = read_time("2026-03-20T13:30:00Z")
    schedule = dividends_as_set(named, first_ns=ex_ns)
    assert isinstance(schedule, tuple)
    (found,) = schedule
    assert (found.amount, found.points) == (1.9, False)
    with pytest.raises(InputError, match=r"DIVIDENDS_FILE \(environment\) .* ends on 2026-03-20, before"):
        dividends_as_set(named, first_ns=ex_ns + 1)
    for wrong, sentence in (
        ({"DIVIDENDS_FILE": "none.csv"}, "none.csv cannot be read: No such file"),
        ({"DIVIDENDS_FILE": str(path), "DIVIDEND_YIELD_ANNUAL": "0.01"}, "keep the schedule or the yield"),
        ({"FUNDING_RATE_ANNUAL": "5"}, "FUNDING_RATE_ANNUAL .* must be a decimal between -1 and 1"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            dividends_as_set(load(tmp_path, **wrong), first_ns=0)


def test_the_rate_is_a_number_or_a_file_of_rates_by_date(tmp_path: Path) -> None:
    now_ns = read_time("2026-03-04T15:00:00Z")
    assert (rate_history(load(tmp_path), first_ns=now_ns), desk_settings(load(tmp_path)).r) == (None, 0.045)
    assert desk_settings(load(tmp_path, RISK_FREE_RATE_ANNUAL="0.03")).r == 0.03
    path = tmp_path / "curve.csv"
    path.write_text("date,rate\n2026-03-02,0.04\n2026-03-03,0.05\n")
    resolved = load(tmp_path, RISK_FREE_RATE_ANNUAL=str(path))
    found = rate_history(resolved, first_ns=now_ns)
    assert found is not None
    assert found.values == (0.04, 0.05)
    assert rate_of_file(found)().text.endswith("curve.csv, whose last date is 2026-03-03.")
    assert desk_settings(resolved).r == 0.045, "the number that the curve takes the place of"
    with pytest.raises(ConfigError, match=r"RISK_FREE_RATE_ANNUAL .* none.csv cannot be read: No such file"):
        rate_history(load(tmp_path, RISK_FREE_RATE_ANNUAL="none.csv"), first_ns=now_ns)
    with pytest.raises(InputError, match="no rate within 7 days"):
        rate_history(resolved, first_ns=now_ns + 8 * 86_400 * 10**9)
    with pytest.raises(ConfigError, match=r"RISK_FREE_RATE_ANNUAL .* must be a decimal between -1 and 1"):
        load(tmp_path, RISK_FREE_RATE_ANNUAL="4.5")


def test_the_dividend_yield_may_differ_by_contract(tmp_path: Path) -> None:
    assert dividends_as_set(load(tmp_path, DIVIDEND_YIELD_ANNUAL="0.013"), first_ns=0) is None
    assert desk_settings(load(tmp_path, DIVIDEND_YIELD_ANNUAL="0.013")).d == 0.013
    resolved = load(tmp_path, DIVIDEND_YIELD_ANNUAL="0.013,ESH27:0.011")
    found = dividends_as_set(resolved, first_ns=0)
    assert isinstance(found, Yields)
    assert (found.of(read_expiry("ESH27")), found.of(read_expiry("ESM27"))) == (0.011, 0.013)
    assert desk_settings(resolved).d == 0.014, "the number that the yields take the place of"
    alone = dividends_as_set(load(tmp_path, DIVIDEND_YIELD_ANNUAL="ESH27:0.011"), first_ns=0)
    assert isinstance(alone, Yields)
    assert (alone.of(read_expiry("ESH27")), alone.of(read_expiry("ESM27"))) == (0.011, 0.014)
    for wrong in ("0.013,ESH27", "CLH27:0.01", "lots"):
        with pytest.raises(ConfigError, match=r"DIVIDEND_YIELD_ANNUAL .* must be a yield such as 0.013"):
            load(tmp_path, DIVIDEND_YIELD_ANNUAL=wrong)


def test_nobody_sets_the_level_so_it_is_learnt(tmp_path: Path) -> None:
    assert desk_settings(load(tmp_path)).factor == "track"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("FUT_SYMBOL", "CL", r"FUT_SYMBOL \(environment\) must be one of ES, MES, NQ, .*, but is 'CL'"),
        ("SPY_TO_INDEX_FACTOR", "auto:0", "must be track, track:HALF_LIFE .*, auto, auto:ROWS, or a number"),
        ("SPY_TO_INDEX_FACTOR", "track:0", "must be track, track:HALF_LIFE"),
        ("SPY_TO_INDEX_FACTOR", "column", "must be track, track:HALF_LIFE"),
        ("SPY_TO_INDEX_FACTOR", "0", "must be track, track:HALF_LIFE"),
        ("IB_PORT", "0", "between 1 and 65535"),
        ("ENTRY_THRESHOLD_BPS", "nan", "must be a number"),
        ("ENTRY_THRESHOLD_BPS", "-5", "ENTRY_THRESHOLD_BPS .* must be between 0.0 and 10000.0"),
        ("MAX_FUT_CONTRACTS", "1.5", "must be a whole number"),
        ("DAILY_LOSS_LIMIT_USD", "-5", "DAILY_LOSS_LIMIT_USD .* must be between"),
        ("ARBCORE_IB_LIBRARY", "ibapi", "must be one of ib_insync, ib_async"),
        ("TRADING_ENABLED", "maybe", "must be 1 or 0"),
    ],
)
def test_nonsense_is_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path, **{name: text})


def test_another_contract_than_the_front_one_needs_its_expiry(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs ARBCORE_FUT_EXPIRY"):
        ibkr_settings(load(tmp_path, FUT_USE_FRONT_MONTH="0"), live=False)
    with pytest.raises(ConfigError, match=r"ARBCORE_FUT_EXPIRY \(environment\) is not an expiry"):
        ibkr_settings(load(tmp_path, FUT_USE_FRONT_MONTH="0", ARBCORE_FUT_EXPIRY="soon"), live=False)
    named = load(tmp_path, FUT_USE_FRONT_MONTH="0", ARBCORE_FUT_EXPIRY="2027-03-19")
    assert ibkr_settings(named, live=False).expiry_ns is not None


@pytest.mark.parametrize(("entry", "expected"), [("12", 3.0), ("3", 0.75), ("0", 0.0)])
def test_the_exit_is_a_quarter_of_the_entry_where_it_is_not_set(
    tmp_path: Path, entry: str, expected: float
) -> None:
    assert desk_settings(load(tmp_path, ENTRY_THRESHOLD_BPS=entry)).exit_bps == expected
    both = load(tmp_path, ENTRY_THRESHOLD_BPS=entry, EXIT_THRESHOLD_BPS="-1")
    assert desk_settings(both).exit_bps == -1.0


def guarded(tmp_path: Path, fut_level: float = 6_800.0, **values: str) -> None:
    resolved = load(tmp_path, **values)
    check_guards(resolved, desk_settings(resolved), fut_level=fut_level)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"STOP_LOSS_BPS": "40"}, ("STOP_LOSS_BPS (environment) is 40, a loss of 1,360 USD for 1 contract",
                                   "DAILY_LOSS_LIMIT_USD (default) is 250 USD, which is 7.4 bps")),
        ({"STOP_LOSS_BPS": "5", "MAX_FUT_CONTRACTS": "2"}, ("a loss of 340 USD for 2 contracts",)),
        ({"STOP_LOSS_BPS": "10", "DAILY_LOSS_LIMIT_USD": "340"}, ("is 340 USD, which is 10.0 bps",)),
        ({"STOP_LOSS_BPS": "600", "DAILY_LOSS_LIMIT_USD": "100000"}, ("the stop can never act",)),
        ({"ARBCORE_DESK_DEVIATION_MAX_BPS": "3.5"}, ("is 3.5 and a pair is entered at 3.5 bps",)),
        ({"ARBCORE_DESK_COLLAR_BPS": "10"}, ("COLLAR_BPS (environment) is 10", "OFFSET_BPS (default) is 10")),
    ],
)  # fmt: skip
def test_a_guard_that_can_never_act_is_refused_with_both_numbers(
    tmp_path: Path, values: dict[str, str], parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as refused:
        guarded(tmp_path, **values)
    for part in parts:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {}, {"STOP_LOSS_BPS": "7"}, {"STOP_LOSS_BPS": "7", "FUT_SYMBOL": "MES", "MAX_FUT_CONTRACTS": "10"},
        {"STOP_LOSS_BPS": "40", "DAILY_LOSS_LIMIT_USD": "1361"}, {"STOP_LOSS_BPS": "40", "FUT_SYMBOL": "MES"},
        {"ARBCORE_DESK_DEVIATION_MAX_BPS": "3.6"}, {"ARBCORE_DESK_COLLAR_BPS": "10.1"},
    ],
)  # fmt: skip
def test_guards_that_can_all_act_are_taken(tmp_path: Path, values: dict[str, str]) -> None:
    guarded(tmp_path, **values)


def test_what_a_stop_costs_goes_by_the_level_of_the_data(tmp_path: Path) -> None:
    guarded(tmp_path, fut_level=1_650.0, STOP_LOSS_BPS="30")
    with pytest.raises(ConfigError, match="at 1,700, and"):
        guarded(tmp_path, fut_level=1_700.0, STOP_LOSS_BPS="30")


@pytest.mark.parametrize("exit_bps", ["500", "3.5"])
def test_an_exit_above_the_entry_is_refused(tmp_path: Path, exit_bps: str) -> None:
    with pytest.raises(ConfigError, match="so it would be closed at once; set the exit lower"):
        desk_settings(load(tmp_path, EXIT_THRESHOLD_BPS=exit_bps))
    desk_settings(load(tmp_path, EXIT_THRESHOLD_BPS="3.4"))


@pytest.mark.parametrize("name", ["/", ".", "folder"])
def test_a_folder_is_no_store(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=r"DB_PATH \(environment\) is the folder .*; name the store's file"):
        ibkr_settings(load(tmp_path, DB_PATH=name), live=False)


@pytest.mark.parametrize("text", ["ftp://127.0.0.1/S3CRET", "file:///etc/S3CRET", "S3CRET", "https://"])
def test_an_alarm_is_posted_to_a_web_address_or_nothing_starts(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="must be an address that begins with http") as refused:
        load(tmp_path, ARBCORE_ALERT_URL=text)
    assert "S3CRET" not in str(refused.value)


ONE, TWO, CHAT = "https://a.example/T0KEN", "http://b.example:8080/x", "https://c.example/bot?chat_id=7"


@pytest.mark.parametrize(
    ("urls", "formats", "expected"),
    [
        ("", "", ()), ("", "json", ()), (ONE, "", ("json",)), (ONE, "slack", ("slack",)),
        (f"{ONE}, {TWO}", "ntfy", ("ntfy", "ntfy")), (f"{ONE},{TWO}", "Slack, JSON", ("slack", "json")),
        (f"{CHAT},{TWO},", "telegram,discord", ("telegram", "discord")),
    ],
)  # fmt: skip
def test_each_address_has_its_format(
    tmp_path: Path, urls: str, formats: str, expected: tuple[str, ...]
) -> None:
    resolved = load(tmp_path, ARBCORE_ALERT_URL=urls, ARBCORE_ALERT_FORMAT=formats)
    receivers = ibkr_settings(resolved, live=False).receivers
    assert tuple(each.format for each in receivers) == expected
    assert [each.url for each in receivers] == [part.strip() for part in urls.split(",") if part.strip()]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ARBCORE_ALERT_FORMAT": "teams"}, "must be words of slack, discord, telegram, ntfy, json"),
        ({"ARBCORE_ALERT_URL": ONE, "ARBCORE_ALERT_FORMAT": "slack,json"}, "has 2 formats for 1 in"),
        ({"ARBCORE_ALERT_URL": ONE, "ARBCORE_ALERT_FORMAT": "telegram"}, "end it with [?]chat_id=NUMBER"),
        ({"ARBCORE_ALERT_URL": "https://api.telegram.org/botX/sendMessage"}, "end it with [?]chat_id=NUMBER"),
        ({"ARBCORE_ALERT_KINDS": "alarms"}, "must be words of alarm, start, stop, trade, daily, heartbeat"),
        ({"ARBCORE_ALERT_KINDS": "alarm,heartbeat"}, "needs ARBCORE_HEARTBEAT_URL"),
    ],
)  # fmt: skip
def test_news_that_cannot_be_sent_are_said_before_anything_begins(
    tmp_path: Path, values: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        ibkr_settings(load(tmp_path, **values), live=False)
    assert "T0KEN" not in str(refused.value)


def test_alarms_alone_are_told_unless_more_is_wanted(tmp_path: Path) -> None:
    assert ibkr_settings(load(tmp_path), live=False).alert_kinds == {"alarm"}
    wanted = load(tmp_path, ARBCORE_ALERT_KINDS="start, STOP,daily")
    assert ibkr_settings(wanted, live=False).alert_kinds == {"start", "stop", "daily"}


def test_the_old_name_of_the_address_is_a_warning_that_names_the_new_one(tmp_path: Path) -> None:
    resolved = load(tmp_path, ARBCORE_ALERT_WEBHOOK="https://example.com/T0KEN")
    said = "The setting ARBCORE_ALERT_WEBHOOK (environment) is gone and does nothing; use ARBCORE_ALERT_URL."
    assert resolved.warnings == (said,)
    assert ibkr_settings(resolved, live=False).receivers == ()


def test_a_mistyped_name_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    assert "did you mean IB_PORT?" in load(tmp_path, IB_PROT="4002").warnings[0]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ENTRY_TRESHOLD_BPS", "ENTRY_THRESHOLD_BPS"),
        ("DAILY_LOSS_LIMIT", "DAILY_LOSS_LIMIT_USD"),
        ("STOP_LOS_BPS", "STOP_LOSS_BPS"),
        ("TRADNG_ENABLED", "TRADING_ENABLED"),
        ("MAX_FUTURE_CONTRACTS", "MAX_FUT_CONTRACTS"),
    ],
)
def test_a_mistyped_name_without_a_prefix_is_a_warning_too(tmp_path: Path, name: str, meant: str) -> None:
    said = f"There is no setting {name} (environment); did you mean {meant}?"
    assert load(tmp_path, **{name: "1"}).warnings == (said,)
    (tmp_path / ".env").write_text(f"{name}=1\n")
    assert load(tmp_path).warnings == (said.replace("environment", ".env line 1"),)


def test_a_mistyped_kill_switch_in_the_settings_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KILLSWITCH=1\nKILL_SWITCH=0\nDB_PATHS=x\n")
    kill, path = load(tmp_path).warnings
    assert kill.endswith("did you mean KILL_SWITCH?")
    assert path.endswith("did you mean DB_PATH?")


def test_names_of_other_programs_are_nobodys_mistake(tmp_path: Path) -> None:
    others = ("LOGLEVEL", "DB_HOST", "MAX_JOBS", "STOP_TIMEOUT_SECONDS", "XDG_SESSION_TYPE", "ENTRYPOINT")
    assert load(tmp_path, **dict.fromkeys(others, "1")).warnings == ()


def test_the_other_bots_names_are_no_mistakes(tmp_path: Path) -> None:
    names = [setting.name for setting in exchange_settings()]
    resolved = configuration.load(carry_settings(), tmp_path, {"ARBCORE_TEAM": "ALPHA"}, elsewhere=names)
    assert resolved.warnings == ()


def test_secrets_show_only_that_they_are_set(tmp_path: Path) -> None:
    resolved = load(tmp_path, FRED_API_KEY="abc123", ARBCORE_ALERT_URL="https://example.com/T0KEN")
    shown = [entry.shown() for entry in resolved.settings.values()]
    assert "abc123" not in repr(shown)
    assert "T0KEN" not in repr(ibkr_settings(resolved, live=False))
