"""What `arbcore config show` says of each bot's settings, and the example of a .env file made by it."""

import json
from pathlib import Path

import pytest

from arbcore.cli import main
from arbcore.commands.config import BOTS, env_file, settings_of, takes
from arbcore.core.settings import Setting
from arbcore.system.configuration import load

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
BOTH = {setting.name: setting for bot in BOTS for setting in settings_of(bot)}


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    for name in BOTH:
        monkeypatch.delenv(name, raising=False)

    def shown(*words: str) -> tuple[str, str]:
        assert main(["config", "show", *words]) == 0
        told = capsys.readouterr()
        return told.out, told.err

    return shown


def test_the_example_is_what_the_command_writes() -> None:
    written = env_file(BOTS)
    assert EXAMPLE.read_text(encoding="utf-8") == written, "run `arbcore config show --env > .env.example`"


def test_the_example_names_the_thresholds_that_people_had() -> None:
    """20, 5 and 4: they stay reachable, and what they come to is said."""
    text = " ".join(line.removeprefix("# ") for line in EXAMPLE.read_text(encoding="utf-8").splitlines())
    said = text.split("TRADING_ENABLED=0")[1].split("ESTIMATED_COST_BPS=")[0]
    assert "20, with an exit of 5 and a cost of 4, never trades in regular hours" in said
    assert "takes only bad prints in others" in said


def test_the_example_sets_nothing_and_each_line_of_it_may_be_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(env_file(BOTS), encoding="utf-8")
    found = load(BOTH.values(), tmp_path, {})
    assert not found.warnings
    assert {entry.source for entry in found.settings.values()} == {"default"}
    lines = [line[1:] for line in env_file(BOTS).split("\n") if line.startswith("#") and line[1:2].isupper()]
    assert len(lines) > 40
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    uncommented = load(BOTH.values(), tmp_path, {})
    assert not uncommented.warnings
    assert {name: entry.value for name, entry in uncommented.settings.items()} == {
        name: entry.value for name, entry in found.settings.items()
    }


@pytest.mark.parametrize("bot", BOTS)
def test_each_setting_of_a_bot_has_its_meaning_and_its_range(show, bot: str) -> None:
    out, err = show(bot, "--advanced")
    assert err == ""
    text = " ".join(out.split())
    for setting in settings_of(bot):
        assert f"{setting.name} = " in out
        assert setting.help
        assert " ".join(takes(setting).split()) in text
    others = {setting.name for other in BOTS if other != bot for setting in settings_of(other)}
    assert not [name for name in others - {one.name for one in settings_of(bot)} if f"{name} = " in out]


def test_what_is_rarely_changed_is_hidden_until_it_is_set(show) -> None:
    out, err = show("ibkr")
    assert "ARBCORE_DESK_STALE_S" not in out
    assert "more settings, rarely changed: --advanced shows them." in err
    for name in ("ENTRY_THRESHOLD_BPS", "DAILY_LOSS_LIMIT_USD", "ARBCORE_DESK_ROLL_BEFORE_S"):
        assert f"{name} = " in out
    assert "ARBCORE_DESK_STALE_S = 9.0   (--set)" in show("ibkr", "--set", "ARBCORE_DESK_STALE_S=9")[0]
    assert "ARBCORE_DESK_STALE_S" not in show()[0]
    assert "ARBCORE_DESK_STALE_S" in show("--advanced")[0]


def test_json_has_every_setting_of_the_bot(show) -> None:
    for bot in BOTS:
        document = json.loads(show(bot, "--json")[0])
        assert [row["name"] for row in document["settings"]] == [one.name for one in settings_of(bot)]
    rows = {row["name"]: row for row in json.loads(show("--json")[0])["settings"]}
    assert rows.keys() == BOTH.keys()
    assert rows["IB_PORT"]["minimum"] == 1
    assert rows["ARBCORE_DESK_STALE_S"]["advanced"] is True
    assert rows["IB_PORT"]["advanced"] is False


def test_a_secret_is_never_shown(show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARBCORE_LISTEN_TOKEN", "hunter2")
    for words in ((), ("ibkr",), ("exchange",), ("--json",), ("--env",)):
        assert "hunter2" not in "".join(show(*words))


@pytest.mark.parametrize(("setting", "told"), [
    (Setting("X", "integer", 5, "", 1, 2_147_483_647), "1 to 2,147,483,647; default 5"),
    (Setting("X", "switch", True, ""), "1 or 0; default 1"),
    (Setting("X", "choice", "", "", options=("a", "b")), "one of a, b; default (not set)"),
    (Setting("X", "text", "s", "", secret=True), "text; default none"),
    (Setting("X", "number", 0.5, "", 0.0), "a number; default 0.5"),
])  # fmt: skip
def test_what_a_setting_takes(setting: Setting, told: str) -> None:
    assert takes(setting) == told
