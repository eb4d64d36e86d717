"""What a broker's order may do that nobody expects: each of them once, with books that agree at the end."""

import pytest
from carry_bots import CHEAP, FAIR, RICH, stored

QUICK = {"order_timeout_s": 0.4, "query_timeout_s": 0.5, "hedge_timeout_s": 3.0}


def enter_and_leave(dev_bps, *faults):
    """A script: the faults wait for the entry's orders; the pair is then held, and left again."""

    async def script(run):
        await run.active()
        for name, arg, count in faults:
            run.fault(name, arg, count)
        run.market.dev_bps = dev_bps
        await run.held()
        assert run.bot.heartbeat.ours() == run.books["positions"]
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.books["positions"] == {"ES": 0, "SPY": 0}

    return script


@pytest.mark.parametrize("code", [10349, 10148, 161, 10147, 2109])
def test_an_error_with_the_number_of_an_order_that_lives(code, play):
    """The libraries call such an order cancelled; then it fills."""
    play(enter_and_leave(RICH, ("stray_error", code, 2)), **QUICK)


def test_a_tif_is_always_set_so_that_no_preset_changes_it(play):
    run = play(enter_and_leave(RICH, ("preset_tif", None, 10)))
    assert not run.heard("10349")
    assert {tif for (tif,) in stored(run.directory, "SELECT tif FROM orders")} == {"IOC"}


@pytest.mark.parametrize(
    "fault",
    [
        ("no_status", None, 2), ("ack_lost", None, 2), ("ack_twice", None, 2), ("fill_before_ack", None, 2),
        ("fill_twice", None, 2), ("burst", 10, 2), ("miss", None, 1), ("partial", 0.5, 1), ("reject", 201, 1),
        ("reject", 203, 1), ("reject", 110, 1), ("reject", 321, 1), ("reject_inactive", None, 1),
        ("rate_limit", None, 1),
    ],
    ids=lambda fault: f"{fault[0]}-{fault[1]}",
)  # fmt: skip
def test_an_entry_that_goes_wrong_once_is_mended(fault, play):
    play(enter_and_leave(RICH, fault), **QUICK)


@pytest.mark.parametrize("fault", [("order_lost", None, 1), ("silent_fill", None, 1), ("late_fill", 1.5, 1)])
def test_an_order_that_nobody_speaks_of_is_asked_about(fault, play):
    play(enter_and_leave(RICH, fault), **QUICK)


def test_a_short_sale_that_is_held_for_locating_shares(play):
    """404 is no rejection: the order is pulled, and the other leg does not stay naked."""

    async def script(run):
        await run.active()
        run.fault("held_short", 60.0)
        run.market.dev_bps = CHEAP
        await run.held()
        assert run.books["positions"]["ES"] == 1
        filled = [each["filled"] for each in run.books["orders"] if each["ref"].endswith("S")]
        assert filled[0] == 0

    play(script, **QUICK)


def test_no_shares_to_borrow_no_reverse(play):
    async def script(run):
        await run.active()
        run.fault("hard_to_borrow")
        await run.until(lambda: run.bot.session._decider.shortable == 0)
        run.market.dev_bps = CHEAP
        await run.decisions(20)
        assert run.sent == 0

    run = play(script)
    assert ("no shares to borrow",) in stored(run.directory, "SELECT refusal FROM signals")


def test_a_fill_after_the_cancel_is_counted_and_closed(play):
    """Both legs are called cancelled and fill later: a pair that was over gets fills, and goes."""

    async def script(run):
        await run.active()
        run.fault("fill_after_cancel", 0.6, count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent == 2)
        run.market.dev_bps = FAIR
        await run.until(lambda: len(run.books["executions"]) >= 4)
        await run.flat()
        assert run.books["positions"] == {"ES": 0, "SPY": 0}

    play(script, cooldown_s=30.0, **QUICK)


def test_a_cancel_that_is_refused_is_no_end(play):
    async def script(run):
        await run.active()
        run.fault("held_message", 1.5, count=1)
        run.fault("cancel_refused", 10148, count=1)
        run.market.dev_bps = RICH
        await run.held()
        assert run.books["positions"]["ES"] == -1

    play(script, **QUICK)


def prices(run):
    return {price for _, _, price in run.books["executions"].values()}


def test_a_correction_replaces_its_execution(play):
    async def script(run):
        await run.enter(RICH)
        before = prices(run)
        run.fault("correction", 4)
        await run.until(lambda: len({*stored_prices(run)} - before) == 1)
        assert run.bot.heartbeat.ours() == {"ES": -1, "SPY": 502}
        assert len(stored_prices(run)) == 2
        assert set(stored_prices(run)) <= prices(run)

    def stored_prices(run):
        return [price for (price,) in stored(run.directory, "SELECT price FROM executions")]

    play(script)


def test_a_correction_that_nobody_heard_of_is_found_after_a_reconnect(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("disconnect")
        await run.until(lambda: run.state == "HALTED")
        run.fault("correction", 4)
        await run.active()

    play(script)


def commissions(run):
    return [amount for (amount,) in stored(run.directory, "SELECT commission FROM executions")]


def test_a_slow_commission_is_unknown_until_it_comes(play):
    async def script(run):
        await run.active()
        run.fault("slow_commission", 0.5, count=2)
        run.market.dev_bps = RICH
        await run.held()
        assert commissions(run) == [None, None]
        await run.until(lambda: None not in commissions(run))

    run = play(script)
    assert sorted(commissions(run)) == [2.25, 502 * 0.005]


def test_a_commission_that_never_comes_stays_unknown(play):
    run = play(enter_and_leave(RICH, ("no_commission", None, 1)))
    assert commissions(run).count(None) == 1
    assert stored(run.directory, "SELECT commission FROM trades") == [(None,)]


def test_the_margin_is_asked_for_before_the_first_entry(play):
    async def script(run):
        await run.active()
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("The account has too little margin for an entry"))
        assert run.sent == 0

    play(script, gateway={"cash": 10_000.0}, margin_check=True)


def test_with_the_margin_there_an_entry_follows(play):
    play(enter_and_leave(RICH), margin_check=True)
