"""The desk's gate: the exchange bot's own kernels, limits that count what works, and a reason a refusal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_tree import COMPILED_SUFFIXES, code_of, sources

from arbcore import _fast
from arbcore.carry.pairs import ETF, FUT, LEGS, pair_named
from arbcore.desk import gate as gate_module
from arbcore.desk import limits as risk
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.events import ContractFound
from arbcore.desk.gate import DeskGate
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ACTIVE, HALTED, REDUCING, RiskState
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import Draft, OrderTable
from arbcore.desk.records import OrderRow

ALWAYS = ((0, 2**62),)


def test_limits_and_pace_are_the_exchange_bots_kernels() -> None:
    gate = make_gate()
    assert isinstance(gate.window, _fast.MessageWindow)
    assert all(isinstance(pause, _fast.Cooldown) for pause in gate.pauses)
    assert vars(gate_module)["exposure_allows"] is _fast.exposure_allows
    # The exchange bot takes the cores of these from C.
    assert {"exposure_room", "rate_room", "RateWindow"} <= imported_from_fast("trading")


def imported_from_fast(folder: str) -> set[str]:
    sources_of = [path for path in sources(*COMPILED_SUFFIXES) if folder in path.parts]
    code = " ".join(map(code_of, sources_of))
    found = re.findall(r"from arbcore\._fast cimport ([^\n(]+|\([^)]+\))", code)
    return set(re.findall(r"\w+", " ".join(found)))


def make_gate(**settings: object) -> DeskGate:
    chosen = DeskSettings(**{"trading_enabled": True, **settings})
    legs = {leg: LegQuotes(leg, chosen) for leg in LEGS}
    for name, leg in legs.items():
        leg.resolve(ContractFound(name, 1, 0.01, ALWAYS, ALWAYS))
        leg.take_kind(1)
        leg.quote(600.0, 600.01, 0)
    return DeskGate(chosen, OrderTable(), store_id="t", legs=legs, risk_state=RiskState())


def make_clock(now_ns: int = 0) -> MarketClock:
    clock = MarketClock(slip_ns=10**9, replay=False)
    clock.advance(now_ns, 10**18)
    return clock


def draft(**changes: object) -> Draft:
    values = {
        "leg": ETF, "side": 1, "quantity": 100, "kind": "LMT", "limit": 600.01, "tif": "IOC", "role": "entry",
        "held": 0, "reduces": False,
    }  # fmt: skip
    return Draft(**{**values, **changes})


def check(gate: DeskGate, wanted: Draft, position: int = 0, *, now_ns: int = 0) -> str:
    return gate.check(wanted, {FUT: 0, ETF: 0, wanted.leg: position}, make_clock(now_ns))


@given(st.integers(-600, 600), st.integers(0, 600), st.integers(0, 700), st.sampled_from((1, -1)))
def test_nothing_passes_beyond_the_limit(position: int, working: int, quantity: int, side: int) -> None:
    gate = make_gate()
    if working:
        gate.orders.add(
            OrderRow("t-0000001S", 1, ETF, side, working, "LMT", 600.0, "IOC", "entry", 1, 2, 0), 0
        )
    passed = not check(gate, draft(quantity=quantity, side=side), position)
    assert passed == (quantity > 0 and side * position + working + quantity <= 525)


def test_the_limit_of_shares_follows_the_factor() -> None:
    gate = make_gate(contracts=2, pair=pair_named("mes-spy"), etf_headroom=1.5)
    assert gate.limits == {FUT: 2, ETF: 150}
    gate.set_factor(10.05)
    assert gate.limits[ETF] == 151


@pytest.mark.parametrize(
    ("wanted", "position", "why"),
    [
        (draft(reduces=True, held=50, side=-1), 50, "more than is held"),
        (draft(limit=None), 0, "SPY price collar"),
        (draft(limit=float("nan")), 0, "SPY price collar"),
        (draft(limit=float("inf")), 0, "SPY price collar"),
        (draft(limit=620.0), 0, "SPY price collar"),
        (draft(leg="VIX"), 0, "no quantity"),
        (draft(quantity=0), 0, "no quantity"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_refusal_has_its_reason(wanted: Draft, position: int, why: str) -> None:
    gate = make_gate()
    positions = {FUT: 0, ETF: position, "VIX": 0}
    assert gate.check(wanted, positions, make_clock()) == why


def test_an_order_does_not_meet_our_own() -> None:
    gate = make_gate()
    gate.orders.add(OrderRow("t-0000001S", 1, ETF, -1, 5, "LMT", 600.0, "IOC", "entry", 1, 2, 0), 0)
    assert check(gate, draft()) == "meets our own order"


@pytest.mark.parametrize("reduces", [False, True])
def test_reducing_lets_only_smaller_positions_and_halted_nothing(reduces: bool) -> None:
    gate = make_gate()
    wanted = draft(reduces=reduces, held=100, side=-1 if reduces else 1)
    assert check(gate, wanted, 100) == ""
    gate.risk_state.add("stopping", "told to")
    assert gate.risk_state.state == REDUCING
    assert (check(gate, wanted, 100) == "") == reduces
    gate.risk_state.add("mismatch", "strange")
    assert gate.risk_state.state == HALTED
    assert check(gate, wanted, 100).startswith("HALTED")
    gate.risk_state.remove("mismatch", "stopping")
    assert gate.risk_state.state == ACTIVE


def test_a_blind_order_needs_an_open_market_and_makes_smaller() -> None:
    gate = make_gate(stale_s=5.0)
    old_ns = 6 * 10**9
    blind = {"kind": "MKT", "limit": None, "blind": True, "side": -1, "held": 100}
    assert check(gate, draft(**blind, reduces=True), 100, now_ns=old_ns) == ""
    assert check(gate, draft(**blind, reduces=False), 100, now_ns=old_ns) == "SPY stale"
    gate.legs[ETF].take_halt(True)
    assert check(gate, draft(**blind, reduces=True), 100, now_ns=old_ns) == "SPY stale"


def test_the_future_may_be_given_back_outside_liquid_hours() -> None:
    gate = make_gate()
    late = ContractFound(FUT, 1, 0.25, ((0, 1),), ALWAYS)
    gate.legs[FUT].resolve(late)
    wanted = draft(leg=FUT, side=-1, quantity=1, limit=600.0, held=1, reduces=True)
    assert check(gate, wanted, 1) == ""
    assert check(gate, draft(leg=FUT, quantity=1)) == "ES closed"


def test_every_reason_has_its_state() -> None:
    for reason, state in risk.REASONS.items():
        risk_state = RiskState()
        risk_state.add(reason, "sentence")
        assert risk_state.state == state
    assert set(risk.REASONS) >= risk.ORDINARY


#: The state that each reason makes of a desk.
STATES = {
    "not connected": HALTED, "comparing with the broker": HALTED, "unanswered": HALTED, "mismatch": HALTED,
    "account": HALTED, "overfill": HALTED, "unwind failed": HALTED, "contract": HALTED,
    "unknown order": HALTED, "kill switch": REDUCING, "daily loss": REDUCING, "stopping": REDUCING,
    "clock": REDUCING, "entries refused": REDUCING,
}  # fmt: skip


def test_each_reason_has_the_state_that_it_should() -> None:
    assert risk.REASONS == STATES
    assert sorted(risk.ORDINARY) == ["comparing with the broker", "not connected", "stopping"]
    assert (risk.ENTRY_PAUSE, risk.EXIT_PAUSE) == (0, 1)


def test_the_worst_reason_makes_the_state_and_each_change_is_seen_once() -> None:
    risk_state = RiskState()
    assert (risk_state.state, risk_state.changed, risk_state.sentences) == (ACTIVE, False, {})
    assert "stopping" not in risk_state
    assert risk_state.add("stopping", "first")
    assert "stopping" in risk_state
    assert (risk_state.state, risk_state.changed) == (REDUCING, True)
    risk_state.changed = False
    assert not risk_state.add("stopping", "second")
    assert (risk_state.changed, risk_state.sentences) == (False, {"stopping": "second"})
    risk_state.add("mismatch", "why")
    assert (risk_state.state, risk_state.changed) == (HALTED, True)
    risk_state.add("clock", "why")
    assert risk_state.state == HALTED
    risk_state.changed = False
    risk_state.remove("overfill")
    assert (risk_state.state, risk_state.changed) == (HALTED, False)
    risk_state.remove("mismatch", "overfill")
    assert (risk_state.state, risk_state.changed) == (REDUCING, True)
    risk_state.remove("stopping", "clock")
    assert (risk_state.state, risk_state.sentences) == (ACTIVE, {})
