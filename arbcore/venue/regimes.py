"""The parameters of the marketplace: its participants, their speed, their sizes, and how much they know.

This module owns parameters and nothing else. It knows no engine, no randomness and no bot. The numbers were
chosen from what is known about the exchange, without regard to any strategy's result. A test checks
``parameters_digest()``: a change of the marketplace must be deliberate, never a way to improve a bot's
result.

Known facts, and what follows from them
---------------------------------------
* BOND is worth exactly 1000; VALE as much as VALBZ; ten XLF as much as 3 BOND + 2 GS + 3 MS + 2 WFC.
* About 17 trades a second were counted in a prod-like round, over all symbols: ``normal`` has that rate. No
  split by symbol is public; here XLF trades most and VALE least, being "less liquid than VALBZ".
* Published lines show MS around 4100 and XLF around 4300. At that price of MS the basket fits GS near 8000
  and WFC near 5800, so starting prices are drawn around those (about 6% to either side, anew each round).
* Published sizes are 1 to 10 shares, and books hold up to 15 levels: several providers, small sizes, gaps.
* Teams quoting one tick from the last trade earned in one season and lost in others. So the hidden value
  moves, in the seconds that five trades take, by about as much as such a quote earns: 5 basis points of the
  price per root second (MS 2 ticks, GS 4, WFC 2.9, VALBZ 2), or 35 ticks over a round for MS. The spreads of
  providers cover that move over their own delay: about 5 ticks in MS, 8 in GS. Banks move together: half of
  the variance of GS, MS and WFC is common, which is our choice.
* Conversion arbitrage in XLF at a fee of 100, and pairs in VALE at 30 ticks, were the first trades described,
  so XLF must at times trade some 15 ticks off its basket and VALE 30 off VALBZ. The cause is order flow in
  one symbol alone: noise and occasional one-sided programmes. Providers of XLF and VALE shade their prices by
  their inventory, so such flow moves the price away, and it returns as they reduce the inventory (half-life
  12 to 18 s).
* Contestants earned by buying BOND below 1000 and selling it above, so some trader must offer those prices:
  an impatient trader, every 30 s or so, who first sweeps the rivals' quotes and then rests an order on the
  wrong side of 1000 until the informed, the rivals or a team have taken it.
* A bot is never alone, in every regime: rival teams quote 999/1001 in BOND with limits of 100 like ours,
  arbitrageurs take XLF and VALE gaps within a second or two, and informed takers hit quotes that the value
  has left behind.
* Quotes must lose to informed takers, as reported losses show. The providers' delay of about a second is set
  for the stocks of ``normal``: a third of the takers' volume is informed, and it takes a quarter to a third
  of what noise pays for trading at once. In ``informed`` it takes two thirds and more; in ``jumps`` and
  ``volatile`` more than all of it, so quoting stocks as the providers do loses there.

Units: prices in ticks; ``_ct`` is hundredths of a tick; times in ms; ``interval`` is the mean of exponential
waiting times; probabilities are per mille. All are integers, so a round is the same on every machine.

Regimes
-------
calm       half the volatility, no jumps, half the informed takers
normal     the reference, and what prod-like plays
trend      hidden values drift 1.2 ticks a second, 25 s on average before the direction is drawn again
jumps      every 15 s on average each stock jumps 15 to 40 ticks
thin       half the providers with half the size, wider gaps, often away; half the noise, smaller programmes
informed   informed takers come four times as often, faster and larger, and providers see twice as late
volatile   2.5 times the volatility, providers quote half as wide again
crowded    three times the arbitrageurs, each four times as quick for half the edge; ten rivals in BOND
shocks     as normal, but every 60 s on average each stock jumps 60 to 150 ticks
tight      providers quote two thirds as wide, see twice as soon and look twice as often

``shocks`` and ``tight`` were added last, as regimes for which no strategy was tuned. Two rules of market
making were added after the first results in ``shocks``; neither was chosen with a view to ``tight``.

Modes: ``prod-like`` runs at this speed; ``slower`` stretches every time of the marketplace by four; ``empty``
has no participants, and its hidden values move as in prod-like.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

MODES = ("prod-like", "slower", "empty")

#: How much longer every time of the marketplace takes.
SLOWDOWN = {"prod-like": 1, "slower": 4, "empty": 1}


@dataclass(frozen=True)
class FairProcess:
    """The hidden value of one stock: a random walk, with jumps and, in a trend, a drift that changes sign."""

    start_low_ticks: int
    start_high_ticks: int
    volatility_ct: int  # standard deviation over one second
    common_per_mille: int = 0  # share of the variance that all banks have in common
    drift_ct: int = 0  # per second, in the present direction
    drift_hold_ms: int = 25_000  # mean time until the direction is drawn again
    jump_interval_ms: int = 0  # 0: never
    jump_low_ticks: int = 0
    jump_high_ticks: int = 0


@dataclass(frozen=True)
class Makers:
    """A group of liquidity providers, one for each entry of ``half_spreads_ticks``.

    A provider wakes, and forms a view: the value of ``lag_ms`` ago plus its own error, which fades slowly,
    less a share of its inventory. If the view is ``tolerance_ticks`` or more from the centre of its quotes,
    it moves them. It quotes a filled level again at the same visit. Orders that are still right keep their
    place in the queue.
    """

    half_spreads_ticks: tuple[int, ...]
    gap_ticks: int
    levels: int
    size_low: int
    size_high: int
    requote_ms: int
    lag_ms: int
    error_ct: int
    tolerance_ticks: int = 1
    skew_ct: int = 0  # per share of inventory
    half_life_ms: int = 0  # of the inventory, which it reduces elsewhere; 0: it keeps it
    limit: int = 0  # it does not quote the side that may exceed it; 0: none
    withdraw_per_mille: int = 0  # chance at a visit
    withdraw_ms: int = 0  # mean absence


@dataclass(frozen=True)
class Noise:
    """Takers who buy or sell at any price up to ``reach_ticks`` from the value."""

    interval_ms: int
    size_mean: int
    size_high: int
    reach_ticks: int


@dataclass(frozen=True)
class Programme:
    """A one-sided order sent in slices, regardless of every other symbol."""

    interval_ms: int
    shares_low: int
    shares_high: int
    slice_low: int
    slice_high: int
    spacing_ms: int


@dataclass(frozen=True)
class Informed:
    """Takers who know the value of ``lag_ms`` ago and trade at a touch ``edge_ticks`` or more beyond it."""

    interval_ms: int
    lag_ms: int
    error_ct: int
    edge_ticks: int
    size_high: int


@dataclass(frozen=True)
class Followers:
    """Takers who trade when the value moved ``move_ticks`` in ``window_ms`` and the touch did not follow.

    They are the informed flow of XLF and VALE, whose price may stay off the value for a while: they accept
    the recent distance (over ``memory_visits``) as normal, and trade at a touch that is ``edge_ticks`` or
    more behind the move.
    """

    interval_ms: int
    lag_ms: int
    window_ms: int
    move_ticks: int
    edge_ticks: int
    memory_visits: int
    size_high: int


@dataclass(frozen=True)
class Impatient:
    """A hurried trader who sometimes gives ticks away: buys above the value, sells below it.

    The order takes better prices in the book; the rest stays there for ``stay_ms`` on average, for anyone to
    take. Only for a symbol whose value is constant.
    """

    interval_ms: int
    stay_ms: int
    beyond_high_ticks: int  # it gives away 1 tick to this many
    size_low: int
    size_high: int


@dataclass(frozen=True)
class Arbitrageurs:
    """Rivals who trade if the touch pays the conversion fee plus ``edge``, then convert and unwind."""

    count: int
    interval_ms: int
    edge: int  # cash per unit of conversion (10 XLF, 1 VALE), after fee and spreads
    units_high: int


@dataclass(frozen=True)
class SymbolFlow:
    """All participants in one symbol."""

    makers: tuple[Makers, ...]
    noise: Noise
    programme: Programme | None = None
    informed: Informed | None = None
    followers: Followers | None = None
    impatient: Impatient | None = None
    arbitrageurs: Arbitrageurs | None = None


@dataclass(frozen=True)
class Regime:
    """One marketplace: the walks of the four stocks, and the participants in each symbol."""

    name: str
    meaning: str
    fair: dict[str, FairProcess]
    flow: dict[str, SymbolFlow]


def _bank_flow(*, spreads: tuple[int, ...], gap: int, error_ct: int, reach: int) -> SymbolFlow:
    return SymbolFlow(
        makers=(
            Makers(
                spreads,
                gap,
                levels=4,
                size_low=1,
                size_high=8,
                requote_ms=500,
                lag_ms=400,
                error_ct=error_ct,
                skew_ct=12,
                half_life_ms=20_000,
                withdraw_per_mille=4,
                withdraw_ms=3_000,
            ),
        ),
        noise=Noise(interval_ms=950, size_mean=3, size_high=15, reach_ticks=reach),
        programme=Programme(60_000, shares_low=20, shares_high=60, slice_low=2, slice_high=6, spacing_ms=300),
        informed=Informed(interval_ms=150, lag_ms=40, error_ct=60, edge_ticks=1, size_high=8),
    )


def _bond_flow() -> SymbolFlow:
    # Four rival teams at 999/1001, each with a team's limit of 100; behind them the house, wider.
    return SymbolFlow(
        makers=(
            Makers(
                (1, 1, 1, 1),
                1,
                levels=1,
                size_low=15,
                size_high=40,
                requote_ms=400,
                lag_ms=0,
                error_ct=0,
                limit=100,
                withdraw_per_mille=4,
                withdraw_ms=3_000,
            ),
            Makers((2, 3), 1, levels=5, size_low=10, size_high=60, requote_ms=1_000, lag_ms=0, error_ct=0),
        ),
        noise=Noise(interval_ms=480, size_mean=4, size_high=20, reach_ticks=6),
        informed=Informed(interval_ms=300, lag_ms=0, error_ct=0, edge_ticks=1, size_high=20),
        impatient=Impatient(30_000, stay_ms=2_000, beyond_high_ticks=2, size_low=80, size_high=200),
    )


def _valbz_flow() -> SymbolFlow:
    return SymbolFlow(
        makers=(
            Makers(
                (2, 3, 4, 5),
                2,
                levels=4,
                size_low=1,
                size_high=4,
                requote_ms=500,
                lag_ms=400,
                error_ct=80,
                skew_ct=20,
                half_life_ms=20_000,
                withdraw_per_mille=4,
                withdraw_ms=3_000,
            ),
        ),
        noise=Noise(interval_ms=1_000, size_mean=2, size_high=8, reach_ticks=60),
        programme=Programme(60_000, shares_low=10, shares_high=30, slice_low=1, slice_high=4, spacing_ms=400),
        informed=Informed(interval_ms=150, lag_ms=40, error_ct=60, edge_ticks=1, size_high=5),
    )


def _vale_flow() -> SymbolFlow:
    return SymbolFlow(
        makers=(
            Makers(
                (8, 12),
                5,
                levels=3,
                size_low=1,
                size_high=4,
                requote_ms=900,
                lag_ms=600,
                error_ct=300,
                skew_ct=250,
                half_life_ms=18_000,
                withdraw_per_mille=10,
                withdraw_ms=4_000,
            ),
        ),
        noise=Noise(interval_ms=2_100, size_mean=2, size_high=6, reach_ticks=120),
        programme=Programme(22_000, shares_low=8, shares_high=24, slice_low=1, slice_high=3, spacing_ms=500),
        followers=Followers(
            interval_ms=500,
            lag_ms=40,
            window_ms=2_000,
            move_ticks=2,
            edge_ticks=1,
            memory_visits=16,
            size_high=3,
        ),
        arbitrageurs=Arbitrageurs(count=2, interval_ms=2_000, edge=4, units_high=5),
    )


def _xlf_flow() -> SymbolFlow:
    return SymbolFlow(
        makers=(
            Makers(
                (2, 3, 4, 5),
                2,
                levels=4,
                size_low=2,
                size_high=12,
                requote_ms=500,
                lag_ms=500,
                error_ct=120,
                skew_ct=50,
                half_life_ms=12_000,
                withdraw_per_mille=4,
                withdraw_ms=3_000,
            ),
        ),
        noise=Noise(interval_ms=680, size_mean=4, size_high=25, reach_ticks=60),
        programme=Programme(
            25_000, shares_low=40, shares_high=140, slice_low=4, slice_high=12, spacing_ms=300
        ),
        followers=Followers(
            interval_ms=150,
            lag_ms=40,
            window_ms=1_000,
            move_ticks=1,
            edge_ticks=1,
            memory_visits=32,
            size_high=12,
        ),
        arbitrageurs=Arbitrageurs(count=2, interval_ms=1_500, edge=30, units_high=4),
    )


def _normal() -> Regime:
    news = {"jump_interval_ms": 150_000, "jump_low_ticks": 6, "jump_high_ticks": 16}
    fair = {
        "VALBZ": FairProcess(3_850, 4_350, volatility_ct=205, **news),
        "GS": FairProcess(7_500, 8_500, volatility_ct=400, common_per_mille=500, **news),
        "MS": FairProcess(3_850, 4_350, volatility_ct=205, common_per_mille=500, **news),
        "WFC": FairProcess(5_450, 6_150, volatility_ct=290, common_per_mille=500, **news),
    }
    flow = {
        "BOND": _bond_flow(),
        "VALBZ": _valbz_flow(),
        "VALE": _vale_flow(),
        "GS": _bank_flow(spreads=(4, 5, 6, 8), gap=3, error_ct=160, reach=120),
        "MS": _bank_flow(spreads=(2, 3, 4, 5), gap=2, error_ct=80, reach=60),
        "WFC": _bank_flow(spreads=(3, 4, 5, 6), gap=2, error_ct=115, reach=90),
        "XLF": _xlf_flow(),
    }
    return Regime("normal", "the reference, and what prod-like plays", fair, flow)


def _with_fair(regime: Regime, **changes: int) -> Regime:
    return replace(
        regime, fair={symbol: replace(process, **changes) for symbol, process in regime.fair.items()}
    )


def _with_volatility(regime: Regime, *, per_mille: int) -> Regime:
    return replace(
        regime,
        fair={
            symbol: replace(process, volatility_ct=process.volatility_ct * per_mille // 1000)
            for symbol, process in regime.fair.items()
        },
    )


def _with_flow(regime: Regime, change: Callable[[str, SymbolFlow], SymbolFlow]) -> Regime:
    return replace(regime, flow={symbol: change(symbol, flow) for symbol, flow in regime.flow.items()})


def _informed_at(
    flow: SymbolFlow, *, interval_per_mille: int, lag_per_mille: int, size_times: int
) -> SymbolFlow:
    informed = flow.informed and replace(
        flow.informed,
        interval_ms=flow.informed.interval_ms * interval_per_mille // 1000,
        lag_ms=flow.informed.lag_ms * lag_per_mille // 1000,
        size_high=flow.informed.size_high * size_times,
    )
    followers = flow.followers and replace(
        flow.followers,
        interval_ms=flow.followers.interval_ms * interval_per_mille // 1000,
        lag_ms=flow.followers.lag_ms * lag_per_mille // 1000,
        size_high=flow.followers.size_high * size_times,
    )
    return replace(flow, informed=informed, followers=followers)


def _later(flow: SymbolFlow) -> SymbolFlow:
    makers = tuple(replace(group, lag_ms=group.lag_ms * 2) for group in flow.makers)
    return replace(flow, makers=makers)


def _thin(_symbol: str, flow: SymbolFlow) -> SymbolFlow:
    return replace(
        flow,
        makers=tuple(
            replace(
                group,
                half_spreads_ticks=group.half_spreads_ticks[::2],
                gap_ticks=group.gap_ticks * 2,
                size_low=max(1, group.size_low // 2),
                size_high=max(1, group.size_high // 2),
                withdraw_per_mille=max(4, group.withdraw_per_mille) * 4,
                withdraw_ms=max(3_000, group.withdraw_ms),
            )
            for group in flow.makers
        ),
        # A thin market loses noise takers but no informed ones; otherwise any quote would earn in thin books.
        noise=replace(flow.noise, interval_ms=flow.noise.interval_ms * 2),
        programme=flow.programme
        and replace(
            flow.programme,
            shares_low=flow.programme.shares_low // 2,
            shares_high=flow.programme.shares_high // 2,
            slice_low=max(1, flow.programme.slice_low // 2),
            slice_high=max(1, flow.programme.slice_high // 2),
        ),
    )


def _wider(symbol: str, flow: SymbolFlow) -> SymbolFlow:
    if symbol == "BOND":  # Its value does not move, so its spreads do not change.
        return flow
    return replace(
        flow,
        makers=tuple(
            replace(group, half_spreads_ticks=tuple((half * 3 + 1) // 2 for half in group.half_spreads_ticks))
            for group in flow.makers
        ),
    )


def _tight(symbol: str, flow: SymbolFlow) -> SymbolFlow:
    if symbol == "BOND":  # A tick from 1000 is the closest possible.
        return flow
    return replace(
        flow,
        makers=tuple(
            replace(
                group,
                half_spreads_ticks=tuple(max(1, half * 2 // 3) for half in group.half_spreads_ticks),
                lag_ms=group.lag_ms // 2,
                requote_ms=group.requote_ms // 2,
            )
            for group in flow.makers
        ),
    )


def _crowded(symbol: str, flow: SymbolFlow) -> SymbolFlow:
    if symbol == "BOND":
        teams, house = flow.makers
        return replace(flow, makers=(replace(teams, half_spreads_ticks=(1,) * 10), house))
    rivals = flow.arbitrageurs and replace(
        flow.arbitrageurs,
        count=flow.arbitrageurs.count * 3,
        interval_ms=flow.arbitrageurs.interval_ms // 4,
        edge=flow.arbitrageurs.edge // 2,
    )
    return replace(flow, arbitrageurs=rivals)


def _regimes() -> dict[str, Regime]:
    normal = _normal()
    calm = _with_flow(
        _with_fair(_with_volatility(normal, per_mille=500), jump_interval_ms=0),
        lambda _symbol, flow: _informed_at(flow, interval_per_mille=2000, lag_per_mille=1000, size_times=1),
    )
    informed = _with_flow(
        normal,
        lambda _symbol, flow: _later(
            _informed_at(flow, interval_per_mille=250, lag_per_mille=500, size_times=2)
        ),
    )
    built = {
        "calm": (calm, "half the volatility, no jumps, half the informed takers"),
        "normal": (normal, normal.meaning),
        "trend": (_with_fair(normal, drift_ct=120), "hidden values drift for half a minute at a time"),
        "jumps": (
            _with_fair(normal, jump_interval_ms=15_000, jump_low_ticks=15, jump_high_ticks=40),
            "every 15 s on average each stock jumps 15 to 40 ticks",
        ),
        "thin": (
            _with_flow(normal, _thin),
            "half the providers with half the size, often away; half the noise, all of the informed",
        ),
        "informed": (informed, "informed takers four times as often, faster and larger; providers late"),
        "volatile": (
            _with_flow(_with_volatility(normal, per_mille=2500), _wider),
            "2.5 times the volatility, providers half as wide again",
        ),
        "crowded": (_with_flow(normal, _crowded), "many quick rivals in XLF, VALE and BOND"),
        "shocks": (
            _with_fair(normal, jump_interval_ms=60_000, jump_low_ticks=60, jump_high_ticks=150),
            "every 60 s on average each stock jumps 60 to 150 ticks",
        ),
        "tight": (_with_flow(normal, _tight), "providers two thirds as wide and twice as quick"),
    }
    return {name: replace(regime, name=name, meaning=meaning) for name, (regime, meaning) in built.items()}


#: Every regime by name.
REGIMES: dict[str, Regime] = _regimes()


def parameters_digest() -> str:
    """SHA-256 of every number above in a canonical JSON spelling: the marketplace's identity."""
    numbers = {
        "slowdown": SLOWDOWN,
        "regimes": {name: asdict(regime) for name, regime in REGIMES.items()},
    }
    return hashlib.sha256(json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
