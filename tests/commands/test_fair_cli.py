"""``arbcore fair`` as its users meet it: the sum, the JSON, and one sentence for every mistake."""

import json
import math
import re

import pytest

from arbcore import cli
from arbcore.broker import fred
from arbcore.core import civil
from arbcore.errors import RunError

AT = ("--expiry", "ESZ26", "--now", "2026-11-20T15:00:00Z")
QUOTES = ("--spy", "680.10", "680.12", "--factor", "10.03", "--dtb3", "3.63", "--es", "6838.25", "6838.50")


@pytest.fixture
def fair(capsys):
    def run(*words):
        code = cli.main(["fair", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def answer_of(outcome):
    code, out, err = outcome
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_document_has_the_parts_and_they_add_up(fair):
    answer = answer_of(fair("--spot", "6810", "--r", "0.043", "--d", "0.0125", *AT, "--json"))
    assert answer["schema"] == "arbcore.fair/1"
    assert (answer["contract"], answer["expiry"]) == ("ESZ26", "2026-12-18T14:30:00Z")
    assert answer["t"] == (28 * 86_400 - 1_800) / (365 * 86_400)
    assert answer["fair"] == pytest.approx(6810 * math.exp((0.043 - 0.0125) * answer["t"]), rel=1e-14)
    total = answer["spot"] + answer["financing_points"] - answer["dividend_points"]
    assert total == pytest.approx(answer["fair"], rel=1e-13)
    assert answer["es"] is answer["calendar_spread"] is None


def test_the_text_can_be_checked_by_hand(fair):
    code, out, err = fair(*QUOTES, *AT)
    assert (code, err) == (0, "")
    hand = re.search(r"([\d.]+) x \(1 \+ ([\d.]+)% x ([\d.]+) / 360\) - ([\d.]+) = ([\d.]+)", out)
    spot, rate, days, dividends, fair_value = (float(part) for part in hand.groups())
    assert spot * (1 + rate / 100 * days / 360) - dividends == pytest.approx(fair_value, abs=0.02)
    assert "implied repo" in out
    assert "(DTB3 3.63%)" in out


def test_quotes_give_edges_repo_and_a_verdict(fair):
    answer = answer_of(fair(*QUOTES, *AT, "--json"))
    es = answer["es"]
    c = answer["carry_factor"]
    assert es["edge_cash_and_carry_bps"] == pytest.approx(1e4 * (6838.25 / (680.12 * c) - 1))
    assert es["edge_reverse_bps"] == pytest.approx(1e4 * (1 - 6838.50 / (680.10 * c)))
    assert es["implied_repo_cash_and_carry"] < es["implied_repo_reverse"]
    assert es["signal"] == "cash_and_carry"


def test_costs_widen_the_band_on_their_own_side(fair):
    plain = answer_of(fair(*QUOTES, *AT, "--json"))["band"]
    funded = answer_of(fair(*QUOTES, *AT, "--json", "--funding-bps", "200"))
    assert funded["band"]["upper"] > plain["upper"]
    assert funded["band"]["lower"] == plain["lower"]
    assert funded["es"]["signal"] == "none"
    lent = answer_of(fair(*QUOTES, *AT, "--json", "--lending-bps", "30", "--borrow-bps", "30"))["band"]
    assert lent["lower"] < plain["lower"]
    assert lent["upper"] == plain["upper"]


def test_every_way_to_say_the_rate(fair):
    def rate(*words):
        return answer_of(fair("--spot", "6810", *AT, "--json", *words))["r"]

    assert round(rate("--dtb3", "3.63"), 5) == 0.03697
    t = (28 * 86_400 - 1_800) / (365 * 86_400)
    assert rate("--sofr", "3.65") == pytest.approx(math.log(1 + 0.0365 * t * 365 / 360) / t)
    assert rate("--curve", "10:0.03,91:0.05") == pytest.approx(
        (0.03 * 10 + (0.05 * 91 - 0.03 * 10) * (t * 365 - 10) / 81) / (t * 365)
    )
    assert rate("--r", "-0.01") == -0.01
    assert rate() == 0.045


def test_rates_come_from_files_as_they_are_quoted(fair, tmp_path):
    words = ("--spot", "6810", *AT, "--json", "--rates")
    bill, overnight = tmp_path / "a.csv", tmp_path / "b.csv"
    # That of the day valued at is not published yet; a dot is a holiday.
    lines = ("observation_date,DTB3", "2026-11-18,3.63", "2026-11-19,.", "2026-11-20,9.99")
    bill.write_text("\n".join(lines), encoding="utf-8")
    overnight.write_text("date,sofr\n2026-11-19,3.65\n", encoding="utf-8")
    answer = answer_of(fair(*words, str(bill)))
    assert answer["r"] == pytest.approx(-math.log(1 - 0.0363 * 91 / 360) * 365 / 91)
    assert answer["rate_source"] == "DTB3 3.63% of 2026-11-18 (3 days old)"
    t = answer["t"]
    assert answer_of(fair(*words, str(overnight)))["r"] == pytest.approx(
        math.log(1 + 0.0365 * t * 365 / 360) / t
    )
    both = answer_of(fair(*words, str(overnight), str(bill)))
    at_a_day = math.log(1 + 0.0365 / 360) * 365
    forward = (answer["r"] * 91 - at_a_day) / 90
    assert both["r"] * t * 365 == pytest.approx(at_a_day + forward * (t * 365 - 1))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("", "line 1: the header is a date and the series"),
        ("date,SPX\n2026-11-18,1\n", "one of DTB4WK, DTB3"),
        ("date,DTB3\n2026-11-18\n", "line 2 is no date and rate"),
        ("date,DTB3\n2026-11-18,high\n", "line 2 is no date and rate"),
        ("date,DTB3\n2026-11-20,3.63\n", "has no rate of a date before 2026-11-20"),
    ],
)
def test_a_bad_file_of_rates_is_exit_code_3(fair, tmp_path, content, part):
    file = tmp_path / "rates.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    code, out, err = fair("--spot", "6810", *AT, "--rates", str(file))
    assert (code, out) == (3, "")
    assert part in err


def test_an_old_rate_is_said(fair, tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text("date,DTB3\n2026-10-01,3.63\n", encoding="utf-8")
    code, _, err = fair("--spot", "6810", *AT, "--rates", str(file))
    assert (code, err) == (
        0, "arbcore: warning: DTB3 3.63% of 2026-10-01 (51 days old) is the last rate there is.\n"
    )  # fmt: skip


@pytest.fixture
def observed(monkeypatch, tmp_path):
    """What FRED answers, to a key in a file; nothing leaves the machine."""
    asked = []

    def observe(answer):
        def fetch(settings, *, now_ns):
            asked.append((settings.series, settings.key))
            if isinstance(answer, Exception):
                raise answer
            return fred.Observation(settings.series, civil.read_date(answer), 3.63, now_ns)

        monkeypatch.setattr(fred, "fetch", fetch)
        return asked

    monkeypatch.setattr(fred, "cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "key").write_text("a-key-of-32-letters\n", encoding="utf-8")
    return observe


def test_fred_is_asked_with_the_key_of_a_file_and_remembered(fair, observed, tmp_path):
    asked = observed("2026-11-19")
    words = ("--spot", "6810", *AT, "--json", "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    answer = answer_of(fair(*words))
    assert answer["rate_source"] == "DTB3 3.63% of 2026-11-19 (2 days old)"
    assert answer_of(fair(*words)) == answer
    assert asked == [("DTB3", "a-key-of-32-letters")]
    assert "a-key" not in json.dumps(answer)


def test_without_an_answer_of_fred_there_is_no_value(fair, observed, tmp_path):
    observed(RunError("FRED cannot be reached for DTB3 (timeout); check the network."))
    code, out, err = fair("--spot", "6810", *AT, "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    assert (code, out) == (1, "")
    assert err.endswith("arbcore: FRED cannot be reached for DTB3 (timeout); check the network.\n")


def test_a_rate_of_today_values_no_past(fair, observed, tmp_path):
    observed("2026-11-25")
    code, _, err = fair("--spot", "6810", *AT, "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    assert code == 2
    assert "name a file with --rates" in err


def test_a_yield_for_each_expiry(fair):
    words = ("--spot", "6810", *AT, "--es", "6838.25", "6838.50", "--far", "6890", "6890.5", "--json")
    one, two = answer_of(fair(*words)), answer_of(fair(*words, "--d", "ESZ26:0.014,ESH27:0.02"))
    assert (two["d"], two["fair"]) == (0.014, one["fair"])
    near, far = one["t"], one["t"] + (91 * 86_400 - 3_600) / (365 * 86_400)
    between = (0.02 * far - 0.014 * near) / (far - near)
    rates = [each["calendar_spread"]["rate_lent"] for each in (one, two)]
    assert rates[1] - rates[0] == pytest.approx(between - 0.014)


def test_a_factor_from_a_series_is_the_last_one_known(fair, tmp_path):
    file = tmp_path / "factors.csv"
    lines = ("ts,factor", "2026-11-19T20:00Z,10.01", "2026-11-20T14:59Z,10.03", "2026-11-20T15:01Z,10.09")
    file.write_text("\n".join(lines), encoding="utf-8")
    assert answer_of(fair("--spy", "680", "--factor", str(file), *AT, "--json"))["factor"] == 10.03
    file.write_text("ts,factor\n2026-11-19T20:00Z,none\n", encoding="utf-8")
    code, _, err = fair("--spy", "680", "--factor", str(file), *AT)
    assert code == 3
    assert "factors.csv line 2: write a time and a factor above 0" in err


def test_a_schedule_in_dollars_a_share(fair, tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,amount\n2026-09-18,1.9\n2026-12-18,2.0\n", encoding="utf-8")
    words = ("--spy", "680", "--factor", "10.05", "--dividends", str(file), *AT)
    answer = answer_of(fair(*words, "--json"))
    (paid,) = answer["dividends"]
    assert (paid["ex_date"], paid["points"]) == ("2026-12-18", pytest.approx(20.1))
    assert answer["dividend_points"] == pytest.approx(20.1, rel=1e-9)
    assert answer["d"] is None
    assert "ex 2026-12-18  20.1000 points" in fair(*words)[1]


def test_a_schedule_that_ends_too_early_is_said(fair, tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,points\n2026-09-18,19\n", encoding="utf-8")
    code, _, err = fair("--spot", "6810", "--dividends", str(file), *AT)
    assert code == 0
    assert "ends before the expiry" in err


def test_an_index_quote_gives_the_factor(fair):
    answer = answer_of(fair("--spy", "680", "--index", "6820.4", *AT, "--json"))
    assert (answer["factor"], answer["spot"]) == (pytest.approx(10.03), pytest.approx(6820.4))


def test_the_calendar_spread_defaults_to_the_next_contract(fair):
    spread = answer_of(fair(*QUOTES, *AT, "--far", "6890", "6890.5", "--json"))["calendar_spread"]
    assert spread["contract"] == "ESH27"
    assert spread["rate_lent"] < spread["rate_borrowed"]
    years = (91 * 86_400 - 3_600) / (365 * 86_400)
    assert spread["rate_lent"] == pytest.approx(math.log(6890 / 6838.5) / years + 0.014)


def test_without_an_expiry_the_front_one_is_taken_and_said(fair):
    code, out, err = fair("--spot", "6810", "--now", "2026-12-18T14:30:00Z", "--json")
    assert code == 0
    assert "ESH27" in err
    assert json.loads(out)["contract"] == "ESH27"


def test_after_expiry_the_future_is_the_index(fair):
    words = ("--spot", "6810", "--expiry", "ESZ26", "--now", "2027-01-04T15:00Z", "--es", "6809", "6811")
    code, out, err = fair(*words, "--json")
    assert code == 0
    assert err.startswith("arbcore: warning: ESZ26, 2026-12-18T14:30:00Z has expired")
    answer = json.loads(out)
    assert (answer["t"], answer["fair"]) == (0.0, 6810.0)
    assert answer["es"]["implied_repo_cash_and_carry"] is None
    assert fair(*words)[0] == 0


@pytest.mark.parametrize("left_s", [1, 2, 7, 60, 600, 3_600, 86_400])
def test_the_implied_repo_is_given_whenever_the_future_still_trades(fair, tmp_path, left_s):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,points\n2026-12-18,20\n", encoding="utf-8")
    now = civil.iso_time(civil.read_time("2026-12-18T14:30Z") - left_s * 10**9)
    t = left_s / 31_536_000
    for more, paid in ((("--d", "0"), 0.0), (("--dividends", str(file)), 20.0)):
        words = ("--spot", "6810", "6811", "--expiry", "ESZ26", "--now", now, "--es", "6791", "6792", *more)
        answer = answer_of(fair(*words, "--json"))["es"]
        # The dividend goes ex with the expiry, so that the sum has one term.
        earned, owed = math.log((6791 + paid) / 6811) / t, math.log((6792 + paid) / 6810) / t
        assert answer["implied_repo_cash_and_carry"] == pytest.approx(earned, rel=1e-9)
        assert answer["implied_repo_reverse"] == pytest.approx(owed, rel=1e-9)
        assert fair(*words)[1].count("implied repo") == 2


@pytest.mark.parametrize("flag", ["--expiry", "--far-expiry"])
@pytest.mark.parametrize(
    ("date", "part"), [("2026-12-25", "a holiday of the exchange"), ("2027-03-20", "a weekend")]
)
def test_a_date_without_trading_is_no_expiry(fair, flag, date, part):
    words = ("--spot", "6810", "--es", "6811", "6812", "--far", "6821", "6822", "--now", AT[-1], flag, date)
    code, out, err = fair(*words)
    assert (code, out) == (2, "")
    assert f"{flag}: {date} is {part}" in err.splitlines()[-1]
    assert "trading day before is" in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "--spot --spy"),
        (("--spot", "0"), "above 0"),
        (("--spot", "nan"), "nan is not a number"),
        (("--spot", "1", "2", "3"), "not 3 numbers"),
        (("--spot", "2", "1"), "bid 2 above its ask 1"),
        (("--spot", "6810", "--spy", "681"), "not allowed with"),
        (("--spot", "6810", "--index", "6810"), "it needs --spy"),
        (("--spot", "6810", "--expiry", "soon"), "--expiry: 'soon' is not a date"),
        (("--spot", "6810", "--expiry", "ESX26"), "--expiry: 'ESX26' is not a quarterly"),
        (("--spot", "6810", "--now", "0001-01-01T00:00Z"), "--now: There is no date"),
        (("--spot", "6810", "--now", "1990-01-01T00:00Z"), "name the expiry"),
        (("--spot", "6810", "--r", "4.5"), "not a number from -1 to 1"),
        (("--spot", "6810", "--dtb3", "3", "--sofr", "3"), "not allowed with"),
        (("--spot", "6810", "--d", "x"), "--d has 'x', which is not a number from -1 to 1"),
        (("--spot", "6810", *AT, "--d", "ESH27:0.01"), "no yield for the expiry 2026-12-18T14:30:00Z"),
        (("--spy", "681", "--factor", "none.csv"), "neither a number such as 10.03 nor a file"),
        (("--spy", "681", "--factor", "-1"), "above 0"),
        (("--spot", "6810", "--fred", "DTB3"), "--fred needs --fred-key FILE"),
        (("--spot", "6810", "--fred-key", "key"), "--fred-key belongs to --fred"),
        (("--spot", "6810", "--curve", "91"), "which is not DAYS:RATE"),
        (("--spot", "6810", "--curve", "0:0.04"), "years above 0"),
        (("--spot", "6810", *AT, "--far-expiry", "ESH27"), "with --far BID ASK"),
        (("--spot", "6810", *AT, "--far", "1", "2"), "give its quotes with --es"),
        (("--spot", "6810", *AT, "--es", "1", "2", "--far", "1", "2", "--far-expiry", "ESZ26"), "later than"),
        (("--spot", "6810", "--funding-bps", "-1"), "not a number from 0"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(fair, words, part):
    code, out, err = fair(*words)
    assert (code, out) == (2, "")
    assert part in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\xff\xfe\x00", "not text"),
        (b"ex_date,points\nx,1\n", "line 2"),
        (b"ex_date,points\n2026-12-18,681.5\n", "line 2: a dividend of 681.5 is more than a tenth"),
        (b"ex_date,amount\n2026-12-18,68.5\n", "line 2: a dividend of 68.5 is more than a tenth"),
        (b"ex_date,amount\n2026-12-18,2\n\n2026-12-18,2\n", "line 4: 2026-12-18 was in line 2"),
    ],
)
def test_a_bad_dividends_file_is_exit_code_3(fair, tmp_path, content, part):
    file = tmp_path / "dividends.csv"
    if content is not None:
        file.write_bytes(content)
    code, out, err = fair("--spot", "6810", *AT, "--dividends", str(file))
    assert (code, out) == (3, "")
    assert part in err
