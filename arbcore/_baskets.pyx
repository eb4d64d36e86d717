"""Basket arithmetic: what an ETF's constituents cost or fetch over the depth, and what converting gains.

Owns exact integer arithmetic over borrowed levels (``_baskets.pxd``) and a Python face to it;
``reference.kernels`` is the specification. It serves XLF (ten shares for four legs) and VALE (one
for one VALBZ) alike, and must not know which: symbols, orders and messages are for the floors above.
"""
from libc.stdint cimport int32_t, int64_t

from arbcore._fast cimport QUANTITY_END, Level, Side, depth_value, read_side, within


cdef int64_t basket_cost_at(const ConversionBooks* books, int32_t lots) noexcept nogil:
    cdef int64_t total = 0
    cdef int64_t value
    cdef int32_t leg
    for leg in range(books.legs):
        value = depth_value(books.leg_asks[leg], books.n_leg_asks[leg],
                            <int64_t>lots * books.leg_quantity[leg])
        if value < 0:
            return -1
        total += value
    return total


cdef int64_t basket_proceeds_at(const ConversionBooks* books, int32_t lots) noexcept nogil:
    cdef int64_t total = 0
    cdef int64_t value
    cdef int32_t leg
    for leg in range(books.legs):
        value = depth_value(books.leg_bids[leg], books.n_leg_bids[leg],
                            <int64_t>lots * books.leg_quantity[leg])
        if value < 0:
            return -1
        total += value
    return total


cdef bint create_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil:
    cdef int64_t fetched = depth_value(books.etf_bids, books.n_etf_bids, <int64_t>lots * books.unit)
    cdef int64_t paid = basket_cost_at(books, lots)
    if fetched < 0 or paid < 0:
        return False
    edge[0] = fetched - paid - books.fee - lots * books.lot_fee
    return True


cdef bint redeem_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil:
    cdef int64_t paid = depth_value(books.etf_asks, books.n_etf_asks, <int64_t>lots * books.unit)
    cdef int64_t fetched = basket_proceeds_at(books, lots)
    if fetched < 0 or paid < 0:
        return False
    edge[0] = fetched - paid - books.fee - lots * books.lot_fee
    return True


# A place in one side of a book, from which the next shares are taken.
cdef struct Walk:
    const Level* levels
    int32_t count
    int32_t at
    int32_t left  # shares left at levels[at]


cdef inline void walk_start(Walk* walk, const Level* levels, int32_t count) noexcept nogil:
    walk.levels = levels
    walk.count = count
    walk.at = 0
    walk.left = levels[0].size if count > 0 else 0


cdef inline int64_t walk_take(Walk* walk, int32_t quantity) noexcept nogil:
    # What the next `quantity` shares are worth; -1 once the levels are used up.
    cdef int64_t value = 0
    while walk.at < walk.count:
        if quantity <= walk.left:
            walk.left -= quantity
            return value + <int64_t>quantity * walk.levels[walk.at].price
        value += <int64_t>walk.left * walk.levels[walk.at].price
        quantity -= walk.left
        walk.at += 1
        if walk.at < walk.count:
            walk.left = walk.levels[walk.at].size
    return -1


cdef inline void best_of(const ConversionBooks* books, bint create, int32_t max_lots, int32_t* lots,
                         int64_t* edge) noexcept nogil:
    cdef Walk etf
    cdef Walk legs[LEGS_MAX]
    cdef int64_t gained = 0
    cdef int64_t gain
    cdef int64_t value
    cdef int64_t basket
    cdef int32_t lot = 0
    cdef int32_t leg
    lots[0] = 0
    edge[0] = 0
    if create:
        walk_start(&etf, books.etf_bids, books.n_etf_bids)
    else:
        walk_start(&etf, books.etf_asks, books.n_etf_asks)
    for leg in range(books.legs):
        if create:
            walk_start(&legs[leg], books.leg_asks[leg], books.n_leg_asks[leg])
        else:
            walk_start(&legs[leg], books.leg_bids[leg], books.n_leg_bids[leg])
    while lot < max_lots:
        value = walk_take(&etf, books.unit)
        if value < 0:
            return
        basket = 0
        for leg in range(books.legs):
            gain = walk_take(&legs[leg], books.leg_quantity[leg])
            if gain < 0:
                return
            basket += gain
        gain = (value - basket if create else basket - value) - books.lot_fee
        if lot > 0 and gain <= 0:
            return
        gained += gain
        lot += 1
        lots[0] = lot
        edge[0] = gained - books.fee
        # Prices only worsen with depth: after a lot that gains nothing no other one does.
        if gain <= 0:
            return


cdef void best_create(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil:
    best_of(books, True, max_lots, lots, edge)


cdef void best_redeem(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil:
    best_of(books, False, max_lots, lots, edge)


# --- Python face ---------------------------------------------------------------------------------------

# Owns the levels that a ConversionBooks borrows, for one call from Python.
cdef struct Shelf:
    Side etf_bids
    Side etf_asks
    Side leg_bids[LEGS_MAX]
    Side leg_asks[LEGS_MAX]
    ConversionBooks books


cdef int shelve_legs(Shelf* shelf, object leg_bids, object leg_asks, object leg_quantities) except -1:
    cdef ConversionBooks* books = &shelf.books
    cdef int32_t leg
    quantities = list(leg_quantities)
    sides = [list(leg_bids), list(leg_asks)]
    if not 1 <= len(quantities) <= LEGS_MAX:
        raise ValueError(f"{len(quantities)} legs; a basket has 1 to {LEGS_MAX}")
    if len(sides[0]) != len(quantities) or len(sides[1]) != len(quantities):
        raise ValueError("every leg needs one quantity and one book; the sequences differ in length")
    books.legs = len(quantities)
    for leg in range(books.legs):
        books.leg_quantity[leg] = <int32_t>within(quantities[leg], "leg quantity", 1, QUANTITY_END - 1)
        read_side(&shelf.leg_bids[leg], sides[0][leg], -1)
        read_side(&shelf.leg_asks[leg], sides[1][leg], 1)
        books.leg_bids[leg] = shelf.leg_bids[leg].levels
        books.leg_asks[leg] = shelf.leg_asks[leg].levels
        books.n_leg_bids[leg] = shelf.leg_bids[leg].count
        books.n_leg_asks[leg] = shelf.leg_asks[leg].count
    return 0


cdef int shelve_etf(Shelf* shelf, object etf_bids, object etf_asks, terms) except -1:
    cdef ConversionBooks* books = &shelf.books
    unit, fee, lot_fee = terms
    read_side(&shelf.etf_bids, etf_bids, -1)
    read_side(&shelf.etf_asks, etf_asks, 1)
    books.etf_bids = shelf.etf_bids.levels
    books.etf_asks = shelf.etf_asks.levels
    books.n_etf_bids = shelf.etf_bids.count
    books.n_etf_asks = shelf.etf_asks.count
    books.unit = <int32_t>within(unit, "unit", 1, QUANTITY_END - 1)
    books.fee = within(fee, "fee", 0, QUANTITY_END - 1)
    books.lot_fee = within(lot_fee, "lot_fee", 0, QUANTITY_END - 1)
    return 0


cdef int32_t lots_of(object lots, str name) except -1:
    return <int32_t>within(lots, name, 1, 2**31 - 1)


def basket_cost(leg_asks, leg_quantities, lots):
    """What ``lots`` baskets of ``leg_quantities`` shares cost at the asks; None if a leg is short."""
    cdef Shelf shelf
    cdef int64_t value
    leg_asks = list(leg_asks)
    shelve_legs(&shelf, [()] * len(leg_asks), leg_asks, leg_quantities)
    value = basket_cost_at(&shelf.books, lots_of(lots, "lots"))
    return None if value < 0 else value


def basket_proceeds(leg_bids, leg_quantities, lots):
    """What ``lots`` baskets of ``leg_quantities`` shares fetch at the bids; None if a leg is short."""
    cdef Shelf shelf
    cdef int64_t value
    leg_bids = list(leg_bids)
    shelve_legs(&shelf, leg_bids, [()] * len(leg_bids), leg_quantities)
    value = basket_proceeds_at(&shelf.books, lots_of(lots, "lots"))
    return None if value < 0 else value


def conversion_edge(*, etf_bids, etf_asks, leg_bids, leg_asks, leg_quantities, unit, fee, lots, lot_fee=0):
    """(create, redeem): what converting ``lots`` lots gains each way, None where the depth is short.

    Create buys the baskets at the asks, converts and sells ``unit`` x ``lots`` of the ETF at the bids;
    redeem buys the ETF and sells the baskets. ``fee`` is paid once, ``lot_fee`` for every lot. Sides of
    books are at most 15 (price, size) pairs, best first; one a leg in ``leg_bids`` and ``leg_asks``.
    """
    cdef Shelf shelf
    cdef int64_t create = 0
    cdef int64_t redeem = 0
    cdef int32_t number
    shelve_legs(&shelf, leg_bids, leg_asks, leg_quantities)
    shelve_etf(&shelf, etf_bids, etf_asks, (unit, fee, lot_fee))
    number = lots_of(lots, "lots")
    creatable = create_edge_at(&shelf.books, number, &create)
    redeemable = redeem_edge_at(&shelf.books, number, &redeem)
    return create if creatable else None, redeem if redeemable else None


def best_lots(*, etf_bids, etf_asks, leg_bids, leg_asks, leg_quantities, unit, fee, max_lots, lot_fee=0):
    """((lots, edge), (lots, edge)): the best number of lots to create and to redeem, 1 to ``max_lots``.

    The largest edge, even if negative; the fewest lots on a tie; None where not one lot has depth. Other
    arguments as in ``conversion_edge``.
    """
    cdef Shelf shelf
    cdef int64_t create = 0
    cdef int64_t redeem = 0
    cdef int32_t create_lots = 0
    cdef int32_t redeem_lots = 0
    cdef int32_t most
    shelve_legs(&shelf, leg_bids, leg_asks, leg_quantities)
    shelve_etf(&shelf, etf_bids, etf_asks, (unit, fee, lot_fee))
    most = lots_of(max_lots, "max_lots")
    best_create(&shelf.books, most, &create_lots, &create)
    best_redeem(&shelf.books, most, &redeem_lots, &redeem)
    return (
        (create_lots, create) if create_lots else None,
        (redeem_lots, redeem) if redeem_lots else None,
    )
