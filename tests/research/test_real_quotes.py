"""The desk's numbers on real quotes of October 2013: fair value is where the market was."""

from market_data import rows_of

from arbcore.carry import _carry, fair
from arbcore.carry.calendar import front_contract
from arbcore.core import civil

FACTOR, R, D = 10.01, 0.0005, 0.02


def test_real_quotes_lie_at_fair_value() -> None:
    rows = rows_of("ES_Z13_SPY_1min_quotes_20131007-11_rth.csv")
    for row in rows:
        now_ns = civil.read_time(row["ts"])
        contract = front_contract(now_ns)
        assert contract.code == "ESZ13"
        prices = {name: float(row[name]) for name in ("es_bid", "es_ask", "spy_bid", "spy_ask")}
        t = _carry.years_to_expiry(now_ns, contract.expiry_ns)
        c = _carry.carry_factor(factor=FACTOR, r=R, d=D, t=t)
        assert abs(_carry.deviation_bps(c=c, **prices)) < 10.0, row
        earned = fair.implied_repo(future=prices["es_bid"], spot=prices["spy_ask"] * FACTOR, t=t, d=D)
        paid = fair.implied_repo(future=prices["es_ask"], spot=prices["spy_bid"] * FACTOR, t=t, d=D)
        assert -0.02 < earned < paid < 0.02, row


def test_the_spread_of_real_quotes_implies_a_rate_of_its_time() -> None:
    near = {row["ts"]: row for row in rows_of("ES_Z13_SPY_1min_quotes_20131007-11_rth.csv")}
    rates = []
    for row in rows_of("ES_H14_SPY_1min_quotes_20131007-11_rth.csv"):
        if row["ts"] in near:
            now_ns = civil.read_time(row["ts"])
            first, second = front_contract(now_ns), front_contract(now_ns, offset=1)
            mids = [(float(each["es_bid"]) + float(each["es_ask"])) / 2 for each in (near[row["ts"]], row)]
            years = _carry.years_to_expiry(first.expiry_ns, second.expiry_ns)
            rate = fair.calendar_spread_rate(near=mids[0], far=mids[1], years_between=years, d=D)
            rates.append(rate)
    assert len(rates) > 1_000
    # Treasury bills paid 0.05%; futures were financed somewhat above.
    assert -0.005 < sorted(rates)[len(rates) // 2] < 0.01
