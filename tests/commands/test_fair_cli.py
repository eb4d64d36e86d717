"""``arbcore fair`` as its users meet it: the sum, the JSON, the terms of a backtest, and every mistake."""

import json
import math
import re

import pytest

import arbcore
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
    assert answer["schema"] == "arbcore.fair/2"
    assert (answer["contract"], answer["expiry"]) == ("ESZ26", "2026-12-18T14:30:00Z")
    assert answer["t"] == (28 * 86_400 - 1_800) / (365 * 86_400)
    assert answer["fair"] == pytest.approx(6810 * math.exp((0.043 - 0.0125) * answer["t"]), rel=1e-14)
    total = answer["spot"] + answer["financing_points"] - answer["dividend_points"]
    assert total == pytest.approx(answer["fair"], rel=1e-13)
    assert answer["fut"] is answer["calendar_spread"] is None


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
    es = answer["fut"]
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
    assert funded["fut"]["signal"] == "none"
    lent = answer_of(fair(*QUOTES, *AT, "--json", "--lending-bps", "30", "--borrow-bps", "30"))["band"]
    assert lent["lower"] < plain["lower"]
    assert lent["upper"] == plain["upper"]


def test_every_way_to_say_the_rate(fair):
    def rate(*words):
        return answer_of(fair("--spot", "6810", *AT, "--json", *words))["r"]

    assert round(rate("--dtb3", "3.63"), 5) == 0.03697
    t = (28 * 86_400 - 1_800) / (365 * 86_400)
    assert rate("--sofr", "3.65") == pytest.approx(math.log(1 + 0.0365 * t * 365 / 360) / t)
    assert rate("--r", "-0.01") == -0.01
    assert rate() == 0.045


def test_rates_come_from_files_as_they_are_quoted(fair, tmp_path):
    words = ("--spot", "6810", *AT, "--json")
    bill, overnight, curve = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    # That of the day valued at is not published yet; a dot is a holiday.
    lines = ("observation_date,DTB3", "2026-11-18,3.63", "2026-11-19,.", "2026-11-20,9.99")
    bill.write_text("\n".join(lines), encoding="utf-8")
    overnight.write_text("date,sofr\n2026-11-19,3.65\n", encoding="utf-8")
    curve.write_text("date,rate\n2026-11-19,0.0365\n", encoding="utf-8")
    answer = answer_of(fair(*words, "--rates", str(bill)))
    assert answer["r"] == pytest.approx(-math.log(1 - 0.0363 * 91 / 360) * 365 / 91)
    assert answer["rate_source"] == f"{bill}: 3.63% of 2026-11-18"
    t = answer["t"]
    assert answer_of(fair(*words, "--rates", str(overnight)))["r"] == pytest.approx(
        math.log(1 + 0.0365 * t * 365 / 360) / t
    )
    for flag in ("--r", "--rates"):
        answer = answer_of(fair(*words, flag, str(curve)))
        assert (answer["r"], answer["rate_source"]) == (0.0365, f"{curve}: 0.0365 of 2026-11-19")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("", "line 1: the header must be date,rate"),
        ("date,SPX\n2026-11-18,1\n", "one of DTB3, SOFR and EFFR"),
        ("date,DTB3\n2026-11-18\n", "line 2: the row has too few fields"),
        ("date,DTB3\n2026-11-18,high\n", "line 2: no number: 'high'"),
        ("date,DTB3\n2026-11-20,3.63\n", "begins on 2026-11-20"),
        ("date,DTB3\n2026-11-12,3.63\n", "no rate within 7 days before the row of 2026-11-20T15:00:00Z"),
    ],
)
def test_a_bad_file_of_rates_is_exit_code_3(fair, tmp_path, content, part):
    file = tmp_path / "rates.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    code, out, err = fair("--spot", "6810", *AT, "--rates", str(file))
    assert (code, out) == (3, "")
    assert part in err


def test_the_financing_spread_adds_to_the_rate_and_not_to_what_is_said_of_it(fair):
    words = ("--spot", "6810", *AT, "--d", "0", "--r", "0.04")
    answer = answer_of(fair(*words, "--financing-spread-bps", "50", "--json"))
    assert (answer["r"], answer["financing_spread_bps"]) == (0.04, 50.0)
    assert answer["fair"] == pytest.approx(6810 * math.exp(0.045 * answer["t"]), rel=1e-14)
    out = fair(*words, "--financing-spread-bps", "50")[1]
    assert "r 4.0000% and 50 bps a year (--r)" in out
    assert "shares financed at 4.5000%" in out


@pytest.fixture
def observed(monkeypatch, tmp_path):
    """What FRED answers, to a key in a file; nothing leaves the machine."""
    asked = []

    def observe(answer):
        def fetch(settings, *, now_ns, before_day=None):
            asked.append((settings.series, settings.key, before_day and civil.iso_date(before_day)))
            if isinstance(answer, Exception):
                raise answer
            dates = [civil.read_date(date) for date in answer]
            day = max(day for day in dates if before_day is None or day < before_day)
            return fred.Observation(settings.series, day, 3.63 if day == dates[0] else 5.0, now_ns)

        monkeypatch.setattr(fred, "fetch", fetch)
        return asked

    monkeypatch.setattr(fred, "cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "key").write_text("a-key-of-32-letters\n", encoding="utf-8")
    return observe


def test_fred_is_asked_with_the_key_of_a_file_and_remembered(fair, observed, tmp_path):
    asked = observed(["2026-11-19"])
    words = ("--spot", "6810", *AT, "--json", "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    answer = answer_of(fair(*words))
    assert answer["rate_source"] == "DTB3 3.63% of 2026-11-19 (2 days old)"
    assert answer_of(fair(*words)) == answer
    assert asked == [("DTB3", "a-key-of-32-letters", None)]
    assert "a-key" not in json.dumps(answer)


def test_without_an_answer_of_fred_there_is_no_value(fair, observed, tmp_path):
    observed(RunError("FRED cannot be reached for DTB3 (timeout); check the network."))
    code, out, err = fair("--spot", "6810", *AT, "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    assert (code, out) == (1, "")
    assert err.endswith("arbcore: FRED cannot be reached for DTB3 (timeout); check the network.\n")


def test_fred_gives_the_value_of_the_date_that_is_asked_about(fair, observed, tmp_path):
    """The last value dated before --now's New York date, as a row of a backtest takes it."""
    asked = observed(["2026-11-19", "2026-11-20", "2026-11-25"])
    (tmp_path / "rates.csv").write_text(
        "date,DTB3\n2026-11-19,3.63\n2026-11-20,5\n2026-11-25,5\n", encoding="utf-8"
    )
    words = ("--spot", "6810", *AT, "--json")
    answer = answer_of(fair(*words, "--fred", "DTB3", "--fred-key", str(tmp_path / "key")))
    assert answer["rate_source"] == "DTB3 3.63% of 2026-11-19 (2 days old)"
    assert answer["r"] == answer_of(fair(*words, "--rates", str(tmp_path / "rates.csv")))["r"]
    assert [before for _, _, before in asked] == [None, "2026-11-20"]


def test_a_value_of_fred_that_is_older_than_a_week_is_none(fair, observed, tmp_path):
    observed(["2026-11-12"])
    words = ("--spot", "6810", *AT, "--fred", "DTB3", "--fred-key", str(tmp_path / "key"))
    code, out, err = fair(*words)
    assert (code, out) == (3, "")
    assert "FRED's DTB3 has no rate within 7 days before 2026-11-20" in err
    assert "the last one is of 2026-11-12" in err


def test_a_yield_for_each_expiry(fair):
    words = ("--spot", "6810", *AT, "--es", "6838.25", "6838.50", "--far", "6890", "6890.5", "--json")
    one, two = answer_of(fair(*words)), answer_of(fair(*words, "--d", "0.014,ESH27:0.02"))
    assert two == answer_of(fair(*words, "--d", "ESZ26:0.014,ESH27:0.02"))
    assert (two["d"], two["fair"]) == (0.014, one["fair"])
    near, far = one["t"], one["t"] + (91 * 86_400 - 3_600) / (365 * 86_400)
    between = (0.02 * far - 0.014 * near) / (far - near)
    rates = [each["calendar_spread"]["rate_lent"] for each in (one, two)]
    assert rates[1] - rates[0] == pytest.approx(between - 0.014)


def test_a_schedule_in_dollars_a_share(fair, tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,amount\n2026-09-18,1.9\n2026-12-18,2.0\n", encoding="utf-8")
    words = ("--spy", "680", "--factor", "10.05", "--dividends", str(file), *AT)
    answer = answer_of(fair(*words, "--json"))
    (paid,) = answer["dividends"]
    assert (paid["ex_date"], paid["points"]) == ("2026-12-18", pytest.approx(20.1))
    assert answer["dividend_points"] == pytest.approx(20.1, rel=1e-9)
    # F = factor * (P - PV) * e^(r t), with r 4.5%.
    growth = math.exp(0.045 * answer["t"])
    assert answer["fair"] == pytest.approx(10.05 * (680 - 2 / growth) * growth, rel=1e-13)
    assert answer["d"] is None
    assert "ex 2026-12-18  20.1000 points" in fair(*words)[1]
    # Of the index alone nobody knows what a dollar a share is; the level says it.
    code, _, err = fair("--spot", "6834", "--dividends", str(file), *AT)
    assert (code, "name the level between them with --factor" in err) == (2, True)
    assert answer_of(fair("--spot", "6834", "--factor", "10.05", *words[4:], "--json"))[
        "fair"
    ] == pytest.approx(answer["fair"], rel=1e-13)


def test_a_schedule_in_points_of_the_index(fair, tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,amount,unit\n2026-12-18,20,points\n", encoding="utf-8")
    words = ("--dividends", str(file), "--r", "0.04", *AT, "--json")
    answer = answer_of(fair("--spot", "6810", *words))
    growth = math.exp(0.04 * answer["t"])
    assert answer["fair"] == pytest.approx((6810 - 20 / growth) * growth, rel=1e-13)
    assert answer_of(fair("--spy", "681", "--factor", "10", *words))["fair"] == answer["fair"]


@pytest.mark.parametrize(
    ("row", "code", "part"),
    [
        ("2026-11-30,19,points", 0, "ends before the expiry"),
        ("2026-09-18,19,points", 3, "ends on 2026-09-18, before the data"),
    ],
)
def test_a_schedule_that_ends_too_early_is_said(fair, tmp_path, row, code, part):
    file = tmp_path / "dividends.csv"
    file.write_text(f"ex_date,amount,unit\n{row}\n", encoding="utf-8")
    found, _, err = fair("--spot", "6810", "--dividends", str(file), *AT)
    assert found == code
    assert part in err


def test_an_index_quote_gives_the_level(fair):
    answer = answer_of(fair("--spy", "680", "--index", "6820.4", *AT, "--json"))
    assert (answer["factor"], answer["spot"]) == (pytest.approx(10.03), pytest.approx(6820.4))
    assert "10.030000" in fair("--etf", "680", "--index", "6820.4", *AT)[1]


@pytest.mark.parametrize("spread", [-0.002, 0.0, 0.011])
@pytest.mark.parametrize("scheduled", [False, True])
def test_where_the_index_is_known_the_quotes_imply_their_financing(fair, tmp_path, spread, scheduled):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,amount,unit\n2026-12-18,20,points\n", encoding="utf-8")
    t = (28 * 86_400 - 1_800) / (365 * 86_400)
    r = 0.04 + spread
    # By hand: the index grows at the market's rate, and pays 20 points on the expiry date or 1.4% a year.
    future = 6820.4 * math.exp(r * t) - 20 if scheduled else 6820.4 * math.exp((r - 0.014) * t)
    quotes = ("--fut", repr(future - 0.125), repr(future + 0.125), "--r", "0.04", *AT, "--json")
    paid = ("--dividends", str(file)) if scheduled else ()
    for of in (("--spy", "680", "--index", "6820.4"), ("--spot", "6820.4")):
        found = answer_of(fair(*of, *quotes, *paid))
        assert found["implied_financing"] == pytest.approx(r, abs=1e-10)
    # A level alone does not tell the index.
    assert answer_of(fair("--spy", "680", "--factor", "10.03", *quotes, *paid))["implied_financing"] is None
    assert answer_of(fair("--spot", "6820.4", *AT, "--json"))["implied_financing"] is None


def test_quotes_are_as_far_from_fair_value_as_in_a_backtest(fair, tmp_path):
    data, file = tmp_path / "quotes.csv", tmp_path / "dividends.csv"
    file.write_text("ex_date,amount\n2026-12-18,1.9\n", encoding="utf-8")
    data.write_text(
        "ts,es_bid,es_ask,spy_bid,spy_ask\n2026-11-20T15:00:00Z,6838.25,6838.50,680.10,680.12\n",
        encoding="utf-8",
    )
    rates = tmp_path / "sofr.csv"
    rates.write_text("date,sofr\n2026-11-19,3.65\n", encoding="utf-8")
    terms = {"rates": str(rates), "dividends": str(file), "financing_spread_bps": 25.0}
    run = arbcore.backtest(str(data), expiry="2026-12-18", factor=10.03, entry_bps=1000, **terms)
    edge = run.summary["largest_edge_bps"]["before_costs"]
    flags = [word for name, value in terms.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    found = answer_of(fair(*QUOTES[:5], *QUOTES[7:], *AT, *flags, "--json"))["fut"]
    assert max(found["edge_cash_and_carry_bps"], found["edge_reverse_bps"]) == pytest.approx(edge, abs=1e-9)


def test_another_pair_has_its_own_names(fair):
    words = ("--pair", "mnq-qqq", "--etf", "612.40", "612.42", "--index", "25140.5")
    words += ("--fut", "25230", "25231")
    at = ("--expiry", "NQZ26", *AT[2:])
    answer = answer_of(fair(*words, *at, "--json"))
    assert (answer["pair"], answer["contract"], answer["source"]) == ("mnq-qqq", "MNQZ26", "etf")
    out = fair(*words, *at)[1]
    assert "QQQ mid" in out
    assert "sell MNQ above" in out
    assert not re.search(r"\b(ES|SPY)\b", out)


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
    assert answer["fut"]["implied_repo_cash_and_carry"] is None
    assert fair(*words)[0] == 0


@pytest.mark.parametrize("left_s", [1, 2, 7, 60, 600, 3_600, 86_400])
def test_the_implied_repo_is_given_whenever_the_future_still_trades(fair, tmp_path, left_s):
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,amount,unit\n2026-12-18,20,points\n", encoding="utf-8")
    now = civil.iso_time(civil.read_time("2026-12-18T14:30Z") - left_s * 10**9)
    t = left_s / 31_536_000
    for more, paid in ((("--d", "0"), 0.0), (("--dividends", str(file)), 20.0)):
        words = ("--spot", "6810", "6811", "--expiry", "ESZ26", "--now", now, "--es", "6791", "6792", *more)
        answer = answer_of(fair(*words, "--json"))["fut"]
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
        ((), "--spot --etf"),
        (("--spot", "0"), "above 0"),
        (("--spot", "nan"), "nan is not a number"),
        (("--spot", "1", "2", "3"), "not 3 numbers"),
        (("--spot", "2", "1"), "bid 2 above its ask 1"),
        (("--spot", "6810", "--spy", "681"), "not allowed with"),
        (("--spot", "6810", "--index", "6810"), "it needs --etf"),
        (("--spot", "6810", "--pair", "es-qqq"), "There is no pair 'es-qqq'"),
        (("--spot", "6810", "--expiry", "soon"), "--expiry: 'soon' is not a date"),
        (("--spot", "6810", "--expiry", "ESX26"), "--expiry: 'ESX26' is not a quarterly"),
        (("--spot", "6810", "--now", "0001-01-01T00:00Z"), "--now: There is no date"),
        (("--spot", "6810", "--now", "1990-01-01T00:00Z"), "name the expiry"),
        (("--spot", "6810", *AT, "--r", "4.5"), "r is 4.5; it may be from -1 to 1"),
        (("--spot", "6810", *AT, "--r", "0.04,0.05"), "r is '0.04,0.05', which is not a number"),
        (("--spot", "6810", "--dtb3", "3", "--sofr", "3"), "not allowed with"),
        (("--spot", "6810", "--d", "0.01", "--dividends", "d.csv"), "not allowed with"),
        (("--spot", "6810", *AT, "--d", "x"), "d is 'x'; write a yield such as 0.013"),
        (("--spot", "6810", *AT, "--d", "CLZ26:0.01"), "d has 'CLZ26', which is no contract"),
        (("--spy", "681", *AT), "One price does not give the factor"),
        (("--spy", "681", *AT, "--factor", "track"), "--factor track needs quotes over a time"),
        (("--spy", "681", *AT, "--factor", "auto:5"), "needs quotes over a time"),
        (("--spy", "681", *AT, "--factor", "none.csv"), "--factor is 'none.csv'; it may be"),
        (("--spy", "681", *AT, "--factor", "-1"), "a factor may be from 1e-06"),
        (("--spot", "6810", *AT, "--fred", "DTB3"), "--fred needs --fred-key FILE"),
        (("--spot", "6810", *AT, "--fred-key", "key"), "--fred-key belongs to --fred"),
        (("--spot", "6810", *AT, "--financing-spread-bps", "x"), "not a number from -10000"),
        (("--spot", "6810", *AT, "--far-expiry", "ESH27"), "with --far BID ASK"),
        (("--spot", "6810", *AT, "--far", "1", "2"), "give its quotes with --fut"),
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
        (b"", "line 1: the header must be ex_date,amount"),
        (b"\xff\xfe\x00", "not text"),
        (b"ex_date,amount\nx,1\n", "line 2"),
        (b"ex_date,amount,unit\n2026-12-18,681.5,points\n", "line 2: the dividend of 2026-12-18 is 681.5"),
        (b"ex_date,amount\n2026-03-20,1\n2026-12-18,68.5\n", "line 3: the dividend of 2026-12-18 is 68.5"),
        (b"ex_date,amount\n2026-12-18,2\n\n2026-12-18,2\n", "line 4: 2026-12-18 comes twice"),
    ],
)
def test_a_bad_dividends_file_is_exit_code_3(fair, tmp_path, content, part):
    file = tmp_path / "dividends.csv"
    if content is not None:
        file.write_bytes(content)
    code, out, err = fair("--spot", "6810", *AT, "--dividends", str(file))
    assert (code, out) == (3, "")
    assert part in err
