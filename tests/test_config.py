import pytest

from arbcore.core.settings import Setting, fill
from arbcore.errors import ConfigError
from arbcore.play.exchange_settings import exchange_settings
from arbcore.system import configuration
from arbcore.system.configuration import DOTENV_BYTES_MAX
from arbcore.system.kill_switch import KillSwitch
from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings

SETTINGS = (
    *exchange_settings(),
    Setting("ARBCORE_NUMBER", "number", 0.5, "a number", 0.0, 10.0),
)


def load(directory, environ=None, **flags):
    return configuration.load(
        SETTINGS,
        directory,
        environ or {},
        flags={f"ARBCORE_{name}": (text, f"--{name.lower()}") for name, text in flags.items()},
    )


def test_everything_has_a_default_and_says_so(tmp_path):
    resolved = load(tmp_path)
    assert resolved["ORDER_COOLDOWN_MS"] == 100
    assert resolved["BOND_ENABLED"] is True
    assert {entry.source for entry in resolved.settings.values()} == {"default"}


def test_each_layer_beats_the_one_before(tmp_path):
    (tmp_path / ".env").write_text("ARBCORE_TEAM=DOT\nARBCORE_HOST=dot\nARBCORE_PORT=1\n")
    resolved = load(tmp_path, {"ARBCORE_HOST": "env", "ARBCORE_PORT": "2"}, PORT="3")
    assert (resolved["TEAM"], resolved.source("TEAM")) == ("DOT", ".env line 1")
    assert (resolved["HOST"], resolved.source("HOST")) == ("env", "environment")
    assert (resolved["PORT"], resolved.source("PORT")) == (3, "--port")


def test_an_empty_variable_takes_back_what_dotenv_gives(tmp_path):
    (tmp_path / ".env").write_text("ARBCORE_TEAM=DOT\n")
    assert load(tmp_path, {"ARBCORE_TEAM": ""})["TEAM"] == ""


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ARBCORE_HOST=plain", "plain"),
        ("export ARBCORE_HOST = spaced ", "spaced"),
        ('ARBCORE_HOST="quoted # kept"  # dropped', "quoted # kept"),
        ("ARBCORE_HOST='single'", "single"),
        ("ARBCORE_HOST=value # comment", "value"),
        ("ARBCORE_HOST=a#b", "a#b"),
        ("ARBCORE_HOST=a=b", "a=b"),
    ],
)
def test_dotenv_spellings(tmp_path, line, value):
    (tmp_path / ".env").write_text(f"# a comment\n\n{line}\n")
    assert load(tmp_path)["HOST"] == value


def test_dotenv_line_that_is_no_setting_is_a_warning_with_its_number(tmp_path):
    (tmp_path / ".env").write_text("ARBCORE_TEAM=A\nnonsense here\n")
    assert load(tmp_path).warnings == (".env line 2 is not NAME=VALUE and is ignored.",)


def test_dotenv_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path)


def test_huge_dotenv_is_an_error_and_is_not_read_whole(tmp_path):
    (tmp_path / ".env").write_bytes(b"#" * (DOTENV_BYTES_MAX + 1))
    with pytest.raises(ConfigError, match=r"more than .* bytes"):
        load(tmp_path)


def test_unknown_name_is_a_warning_with_the_nearest_match(tmp_path):
    (warning,) = load(tmp_path, {"ARBCORE_BOND_EDGE_TICK": "3", "OTHER_BOND_SIZE": "4"}).warnings
    assert "ARBCORE_BOND_EDGE_TICK (environment)" in warning
    assert "did you mean ARBCORE_BOND_EDGE_TICKS?" in warning


def test_a_name_like_no_other_gets_no_match_for_its_prefix(tmp_path):
    (warning,) = load(tmp_path, {"ARBCORE_FOO": "1"}).warnings
    assert warning.endswith("no setting ARBCORE_FOO (environment); `arbcore config show` lists all settings.")


def test_unknown_name_given_as_a_flag_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="did you mean ARBCORE_BOND_EDGE_TICKS"):
        load(tmp_path, BOND_EDGE_TICK="3")


@pytest.mark.parametrize(
    ("name", "text", "must"),
    [
        ("ORDER_COOLDOWN_MS", "-1", "between 0 and 60000"),
        ("MESSAGE_CAP", "501", "between 10 and 500"),
        ("MESSAGE_CAP", "1e2", "a whole number"),
        ("MESSAGE_CAP", "9" * 400, "a whole number"),
        ("LOSS_LIMIT", "0", "between 1 and"),
        ("PORT", "70000", "between 1 and 65535"),
        ("TEAM", "TEAM1", "letters A to Z"),
        ("TEAM", "A" * 33, "letters A to Z"),
        ("BOND_ENABLED", "maybe", "1 or 0"),
        ("BOND_EDGE_TICKS", "101", "between 1 and 100"),
        ("NUMBER", "nan", "a number"),
        ("NUMBER", "1e999", "a finite number"),
        ("POSITION_LIMITS", "VALE=1000000", "at most 999999 for VALE"),
        ("POSITION_LIMITS", "VALE", "VALE=10,XLF=100"),
        ("POSITION_LIMITS", "TSLA=1", "VALE=10,XLF=100"),
        ("POSITION_LIMITS", "GS=1,GS=2", "names GS once"),
    ],
)
def test_bad_value_names_the_setting_the_source_and_what_is_allowed(tmp_path, name, text, must):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {f"ARBCORE_{name}": text})
    assert f"ARBCORE_{name} (environment)" in str(caught.value)
    assert must in str(caught.value)
    assert caught.value.exit_code == 2


def test_limits_not_named_keep_their_default(tmp_path):
    limits = load(tmp_path, {"ARBCORE_POSITION_LIMITS": "VALE=3, XLF=0"})["POSITION_LIMITS"]
    assert (limits["VALE"], limits["XLF"], limits["GS"]) == (3, 0, 100)


def test_team_is_sent_in_upper_case(tmp_path):
    assert load(tmp_path, {"ARBCORE_TEAM": "alpha"})["TEAM"] == "ALPHA"


def test_control_characters_of_a_bad_value_do_not_reach_the_message(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"ARBCORE_MESSAGE_CAP": "\x1b[31m5"})
    assert "\x1b" not in str(caught.value)


def test_secret_is_neither_shown_nor_journalled_nor_quoted_in_an_error(tmp_path):
    settings = (
        Setting("ARBCORE_KEY", "text", "", "a key", secret=True),
        Setting("ARBCORE_PIN", "integer", 0, "a pin", secret=True),
    )
    resolved = configuration.load(settings, tmp_path, {"ARBCORE_KEY": "hunter2"})
    assert resolved.settings["ARBCORE_KEY"].shown() == "(set)"
    assert "ARBCORE_KEY" not in resolved.values()
    with pytest.raises(ConfigError) as caught:
        configuration.load(settings, tmp_path, {"ARBCORE_PIN": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_kill_switch_is_off_by_default_and_writes_nothing(tmp_path):
    switch = KillSwitch(tmp_path, {})
    assert switch.reason() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["1", "yes", "ON", "true", "2", "stop!"])
def test_kill_switch_in_the_environment_trips_unless_clearly_off(tmp_path, text):
    assert KillSwitch(tmp_path, {"KILL_SWITCH": text}).reason() is not None


@pytest.mark.parametrize("text", ["", "0", "no", "False", "off"])
def test_kill_switch_clearly_off(tmp_path, text):
    assert KillSwitch(tmp_path, {"KILL_SWITCH": text}).reason() is None


def test_kill_switch_file_is_seen_while_running(tmp_path):
    switch = KillSwitch(tmp_path, {})
    assert switch.reason() is None
    (tmp_path / "KILL_SWITCH").touch()
    assert "KILL_SWITCH exists" in switch.reason()


def test_kill_switch_in_dotenv_is_seen_while_running(tmp_path):
    switch = KillSwitch(tmp_path, {})
    assert switch.reason() is None
    (tmp_path / ".env").write_text("KILL_SWITCH=1\n")
    assert switch.reason() == "KILL_SWITCH is set in .env"


def test_kill_switch_however_tripped_leaves_the_file_and_holds_across_restarts(tmp_path):
    KillSwitch(tmp_path, {"KILL_SWITCH": "1"}).reason()
    again = KillSwitch(tmp_path, {}).reason()
    assert "set in the environment" in again
    assert "set in the environment" in (tmp_path / "KILL_SWITCH").read_text()
    (tmp_path / "KILL_SWITCH").unlink()
    assert KillSwitch(tmp_path, {}).reason() is None


def test_kill_switch_stays_tripped_in_this_run_when_the_file_goes_away(tmp_path):
    switch = KillSwitch(tmp_path, {"KILL_SWITCH": "1"})
    assert switch.reason()
    (tmp_path / "KILL_SWITCH").unlink()
    assert switch.reason()


def test_kill_switch_never_overwrites_a_persons_file(tmp_path):
    (tmp_path / "KILL_SWITCH").write_text("mine")
    KillSwitch(tmp_path, {"KILL_SWITCH": "1"}).reason()
    assert (tmp_path / "KILL_SWITCH").read_text() == "mine"


def test_unreadable_dotenv_counts_as_tripped(tmp_path):
    (tmp_path / ".env").write_bytes(b"KILL_SWITCH=\xff")
    assert "not UTF-8" in KillSwitch(tmp_path, {}).reason()


def test_times_are_set_in_milliseconds_and_handed_on_in_nanoseconds(tmp_path):
    resolved = load(tmp_path, {"ARBCORE_ACK_TIMEOUT_MS": "1500", "ARBCORE_VALE_HEDGE_TIMEOUT_MS": "7"})
    assert fill(SessionSettings, resolved.values(), "ARBCORE_")["ack_timeout_ns"] == 1_500_000_000
    assert (
        fill(STRATEGY_SETTINGS["vale"], resolved.values(), "ARBCORE_VALE_")["hedge_timeout_ns"]
        == 7_000_000
    )


def test_defaults_build_the_same_settings_as_no_configuration_at_all(tmp_path):
    values = load(tmp_path).values()
    assert SessionSettings(**fill(SessionSettings, values, "ARBCORE_")) == SessionSettings()
    for name, group in STRATEGY_SETTINGS.items():
        assert group(**fill(group, values, f"ARBCORE_{name.upper()}_")) == group()
