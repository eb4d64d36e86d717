"""The documentation is true: what it shows runs, the reference is whole, links lead somewhere."""

import dataclasses
import doctest
import importlib
import json
import re
import shlex
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from doc_pages import PageRun, blocks_of, inline_commands
from live_snapshots import SNAPSHOTS
from reference import orders as exchange_orders

import arbcore
from arbcore.broker.carry_settings import EXIT_SHARE, carry_settings, setting_name
from arbcore.broker.store_schema import MIGRATIONS
from arbcore.carry.pairs import pair_named
from arbcore.cli import COMMANDS, build_parser
from arbcore.commands._backtest_arguments import LIVE
from arbcore.desk import order_table
from arbcore.desk.desk_settings import DeskSettings
from arbcore.gateway.faults import FAULTS
from arbcore.play.exchange_settings import exchange_settings
from arbcore.research.research_settings import BacktestSettings
from arbcore.trading._orders import LIFECYCLE, STATE_NAMES
from tools.docs import diagrams, reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "generated" not in path.relative_to(DOCS).parts)
TEXTS = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
RUN = [name for name, text in TEXTS.items() if blocks_of(text)]
GENERATED = {f"generated/{name}" for name in (*reference.pages(), *diagrams.pictures())}
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_what_a_page_shows_runs(name: str, folder: Path) -> None:
    page = PageRun(TEXTS[name], folder)
    page.run()
    assert page.done or all(block.note.startswith("not run: ") for block in page.blocks)


def shown_commands() -> list[list[str]]:
    return [
        words for text in (README, *TEXTS.values()) for block in blocks_of(text) if block.kind == "sh"
        for words in block.commands() if words[0] == "arbcore"
    ]  # fmt: skip


def test_every_command_is_shown_and_runs() -> None:
    assert {name for name, _ in COMMANDS} <= {words[1] for words in shown_commands()}


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if inline_commands(text)])
def test_commands_within_the_text_are_understood(name: str) -> None:
    # Parsed, not run. Words in capitals stand for a value, and a name alone for the command itself.
    parser = build_parser()
    for command in inline_commands(TEXTS[name]):
        words = shlex.split(command)[1:]
        assert words[0] in (*dict(COMMANDS), "COMMAND", "--version"), command
        if words[0] in dict(COMMANDS) and len(words) > 2:
            parser.parse_args(words)


def test_a_block_that_is_not_run_says_why() -> None:
    for name, text in TEXTS.items():
        for block in blocks_of(text):
            known = ("", "server")
            assert block.note in known or re.match(r"(not run|needs)[: ] ?\S", block.note), (name, block.note)


# --- the reference ------------------------------------------------------------------------------


def test_the_reference_has_every_command_and_every_option() -> None:
    page = reference.commands_page()
    for name, parser in reference.parsers():
        # A heading, and no sentence that happens to end with the command.
        section = re.split(rf"^#+ `{re.escape(name)}`$", page, maxsplit=1, flags=re.MULTILINE)[1]
        section = section.split("\n## ", 1)[0]
        for action in reference.options(parser):
            for word in action.option_strings or [action.dest]:
                if "_" not in word:
                    assert re.search(rf"`{re.escape(word)}[ `]", section), (name, word)


def test_the_reference_has_every_setting_with_its_range_and_default() -> None:
    page = reference.settings_page()
    for setting in (*exchange_settings(), *carry_settings()):
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{setting.name}` |"))
        assert reference.cell(reference.default_of(setting.default)) in line
        assert reference.cell(reference.range_of(setting)) in line
        if setting.minimum is not None:
            assert f"{setting.minimum:,.15g}" in line


def test_the_reference_has_every_error_every_fault_and_every_table() -> None:
    codes = reference.exit_codes_page()
    for kind in reference.error_classes():
        assert f"| `{kind.__name__}` |" in codes
        assert re.search(rf"^\| {kind.exit_code} \|.*`{kind.__name__}`", codes, re.MULTILINE)
    faults = reference.faults_page()
    assert all(f"| `{name}` |" in faults for name in FAULTS)
    statements = "\n".join("\n".join(each) for each in MIGRATIONS)
    dropped = set(re.findall(r"DROP TABLE (\w+)", statements))
    made = set(re.findall(r"CREATE TABLE (\w+)", statements)) - dropped
    assert made
    assert all(f"| `{name}` |" in reference.store_tables() for name in made)


# --- the defaults -------------------------------------------------------------------------------

#: What a default that follows from something else is called, on the page and for no other name.
FOLLOWS = {
    "exit_bps": "a quarter of the entry", "EXIT_THRESHOLD_BPS": "a quarter of the entry",
    "cost_bps": "by pair", "ESTIMATED_COST_BPS": "by pair", "multiplier": "by pair",
    "funding_rate": "the rate at the entry", "FUNDING_RATE_ANNUAL": "the rate at the entry",
    "true_factor": "not known", "fees": "none",
}  # fmt: skip
#: Of a backtest, data and not defaults; of the bot, told by the others or by how it is run.
DATA = {"rates", "yields", "dividends", "dividends_file"}
TOLD = {"ARBCORE_DESK_DECIDE_ON"}
NAMED = {"FUT_SYMBOL", "SPY_SYMBOL", "SPY_TO_INDEX_FACTOR", "FUNDING_RATE_ANNUAL"}


def defaults_said() -> dict[str, str]:
    found = re.findall(r"`(\w+)` = ([^|,]+?)(?=,| \|)", TEXTS["reference/defaults.md"])
    assert len(found) == len(dict(found)), "a default is said once"
    return dict(found)


def test_the_defaults_are_those_of_the_code_and_each_has_a_reason() -> None:
    backtest = {
        item.name: item.default for item in dataclasses.fields(BacktestSettings) if item.name not in DATA
    }
    desk = {setting.name: setting.default for setting in carry_settings()}
    desk_names = {setting_name(item.name) for item in dataclasses.fields(DeskSettings)} & set(desk)
    defaults = backtest | {name: desk[name] for name in (desk_names | NAMED) - TOLD}
    said = defaults_said()
    assert set(said) == set(defaults)
    for name, value in defaults.items():
        if name in FOLLOWS:
            assert said[name] == FOLLOWS[name]
        elif isinstance(value, str):
            assert said[name] == value, name
        else:
            assert float(said[name]) == value, name
    for line in TEXTS["reference/defaults.md"].splitlines():
        if line.startswith("| ") and "`" in line:
            assert len(line.split("|")[-2].split()) >= 2, line


def test_what_a_default_follows_from_is_so() -> None:
    assert BacktestSettings(entry_bps=8.0).exit_wanted_bps == 2.0
    assert EXIT_SHARE == 0.25
    assert BacktestSettings(pair="mnq-qqq").cost_bps == pair_named("mnq-qqq").cost_bps
    assert {name: getattr(DeskSettings, name) for name in ("max_hold_days", "cooldown_s")} == LIVE
    for name in ("entry_bps", "stop_bps", "contracts"):
        assert getattr(BacktestSettings, name) == getattr(DeskSettings, name)


def test_what_has_no_sentence_is_an_error() -> None:
    parser = build_parser(only="doctor")
    (doctor,) = (each for name, each in reference.subparsers(parser) if name == "doctor")
    doctor.add_argument("--mute")
    with pytest.raises(ValueError, match="mute has no help"):
        reference.option_table(doctor)


def test_the_reference_has_every_metric_that_a_run_answers() -> None:
    page = reference.metrics_page()
    for name, (command, make_view) in reference.LIVE_VIEWS.items():
        section = page.split(f"## `{command}`", 1)[1].split("\n## ", 1)[0]
        answer = reference.scrape(make_view(""), SNAPSHOTS[name])
        samples = re.findall(r"^(arbcore_\w+)(?:\{(\w+)=.*\})? \S+$", answer, re.MULTILINE)
        assert len(samples) > 10
        for metric, label in samples:
            kind = "counter" if metric.endswith("_total") else "gauge"
            shown = f"`{label}`" if label else ""
            assert re.search(rf"^\| `{metric}` \| {kind} \| {shown} \| \S.*\.", section, re.MULTILINE), metric


def test_a_metric_without_a_type_is_an_error() -> None:
    assert reference.metrics_of("# HELP a_total A.\n# TYPE a_total counter\na_total{by=\"x\"} 1\n") == [
        ("a_total", "counter", "by", "A.")
    ]
    with pytest.raises(ValueError, match="a_total has no type"):
        reference.metrics_of("# HELP a_total A.\n")


# --- docstrings ---------------------------------------------------------------------------------

PACKAGE = Path(arbcore.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(("arbcore", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx"))
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    failed, attempted = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    # Examples of methods of compiled classes are found nowhere but in the classes themselves.
    assert attempted or not (module.__file__ or "").endswith(".py")


# --- the pictures -------------------------------------------------------------------------------


def arrows_of(name: str) -> dict[tuple[str, str], set[str]]:
    """The arrows of a picture, read out of the SVG."""
    root = ET.fromstring(diagrams.pictures()[name])
    found = {}
    for title in root.findall(".//{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}title"):
        match = re.fullmatch(r"(\w+) -> (\w+): (.*)", title.text or "")
        assert match is not None
        found[match[1], match[2]] = set(match[3].split(", "))
    return found


def test_the_picture_of_the_exchange_bots_orders_is_the_table() -> None:
    found = arrows_of("order-states-exchange.svg")
    events = [name for name in vars(exchange_orders) if name.startswith("ON_")]
    names = {getattr(exchange_orders, name): name.removeprefix("ON_").lower() for name in events}
    for start, row in zip(STATE_NAMES, LIFECYCLE, strict=True):
        for event, after in enumerate(row):
            shown = names[event] in found.get((start, STATE_NAMES[after]), ())
            assert shown == (STATE_NAMES[after] != start), (start, names[event])


def test_the_picture_of_the_carry_bots_orders_is_the_table() -> None:
    found = arrows_of("order-states-carry.svg")
    drawn = {(start, event): end for (start, end), events in found.items() for event in events}
    assert drawn == order_table.NEXT


def test_a_state_without_a_place_is_an_error() -> None:
    with pytest.raises(KeyError, match="lost"):
        diagrams.states({("sent", "lost"): ["gone"]}, diagrams.CARRY_PLACES, "")


@pytest.mark.parametrize("steps", diagrams.WAYS.values(), ids=diagrams.WAYS)
def test_the_ways_name_modules_that_exist(steps: tuple[tuple[str, str], ...]) -> None:
    for modules, _ in steps:
        folder, _, names = modules.partition("/")
        for name in names.split(", "):
            assert list((Path(arbcore.__file__).parent / folder).glob(f"{name}.p*")), modules


def test_extras_that_are_installed_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = project.split("[project.optional-dependencies]", 1)[1].split("\n[", 1)[0]
    extras = set(re.findall(r"^([a-z-]+) = \[", table, re.MULTILINE))
    assert "ibkr" in extras
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for text in (README, contributing, *TEXTS.values()):
        for named in re.findall(r"pip install[^\n]*?\[([a-z, -]+)\]", text):
            assert extras >= set(named.replace(" ", "").split(",")), named


# --- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    text = re.sub(r"```.*?```", "", TEXTS[name], flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            path = (DOCS / name).parent / target
            inside = path.resolve().relative_to(DOCS).as_posix()
            assert inside in GENERATED or path.is_file(), target


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"^([\w/-]+)$", TEXTS["index.md"], re.MULTILINE))
    made = {f"generated/{name}" for name in reference.pages() if not name.startswith("part-")}
    assert "\n:glob:\n\n*\n" in TEXTS["index.md"]
    beside_the_index = {name for name in TEXTS if "/" not in name}
    assert {f"{name}.md" for name in listed} == {*TEXTS, *made} - beside_the_index


def test_the_schemas_page_has_every_schema() -> None:
    page = reference.schemas_page()
    for path in (DOCS / "schemas").glob("*.json"):
        assert f"## {json.loads(path.read_text(encoding='utf-8'))['title']}" in page
