"""The loops of resampling statistics: the bootstrap of means, long-run variances, and the splits of CSCV.

A matrix is one buffer of doubles, row after row: ``periods`` rows of ``cells`` columns. Random numbers are
splitmix64 from a seed, so a seed gives the same resamples on every machine. ``arbcore.core.statistics``
defines what the numbers mean and which cells take part.

Compiled because a sweep needs it: 1,000 resamples of 48 periods by 625 cells are 30 million products, and
the 12,870 splits of 625 cells 16 million ratios. In plain Python both take longer than the sweep itself.
"""
cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from array import array

from arbcore.errors import BrokenInvariant


# Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
cdef inline uint64_t next_bits(uint64_t* state) noexcept nogil:
    cdef uint64_t z
    state[0] += 0x9E3779B97F4A7C15ULL
    z = state[0]
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL
    return z ^ (z >> 31)


cdef inline double next_unit(uint64_t* state) noexcept nogil:
    """A number from 0 up to but not including 1, in steps of 2^-53."""
    return <double>(next_bits(state) >> 11) * (1.0 / 9007199254740992.0)


cdef inline Py_ssize_t next_index(uint64_t* state, Py_ssize_t count) noexcept nogil:
    """An index below ``count``; the largest unit is 1 - 2^-53, so the product never rounds up to it."""
    return <Py_ssize_t>(next_unit(state) * <double>count)


cdef int check_matrix(const double[::1] values, Py_ssize_t periods, Py_ssize_t cells) except -1:
    cdef Py_ssize_t count = values.shape[0]
    if periods < 1 or cells < 1 or periods > count // cells or count != periods * cells:
        raise BrokenInvariant(f"{count} values are no matrix of {periods} periods by {cells} cells.")
    return 0


cdef void* taken(size_t count, size_t size) except NULL:
    cdef void* memory = PyMem_Malloc(count * size)
    if memory == NULL:
        raise MemoryError
    return memory


def resampled_means(const double[::1] values, *, Py_ssize_t resamples, uint64_t seed) -> array:
    """The means of ``resamples`` draws with replacement, each of as many values, in rising order."""
    cdef Py_ssize_t count = values.shape[0], each, _at
    cdef uint64_t state = seed
    cdef double total
    cdef const double* first
    if count < 1 or resamples < 1:
        raise BrokenInvariant(f"{count} values cannot be resampled {resamples} times.")
    means = array("d", bytes(8 * resamples))
    cdef double[::1] found = means
    first = &values[0]
    with nogil:
        for each in range(resamples):
            total = 0.0
            for _at in range(count):
                total += first[next_index(&state, count)]
            found[each] = total / <double>count
    return array("d", sorted(means))


@cython.boundscheck(False)  # indexes are below periods * cells, which check_matrix holds against the buffer
@cython.wraparound(False)
@cython.cdivision(True)  # the divisor is periods, at least 1
def column_summary(const double[::1] values, *, Py_ssize_t periods, Py_ssize_t cells) -> tuple:
    """The (means, least values, largest values) of the cells."""
    check_matrix(values, periods, cells)
    sums, lows, highs = array("d", bytes(8 * cells)), array("d", values[:cells]), array("d", values[:cells])
    cdef double[::1] total = sums, low = lows, high = highs
    cdef Py_ssize_t at, cell
    cdef double value
    with nogil:
        for at in range(periods):
            for cell in range(cells):
                value = values[at * cells + cell]
                total[cell] += value
                low[cell] = value if value < low[cell] else low[cell]
                high[cell] = value if value > high[cell] else high[cell]
        for cell in range(cells):
            total[cell] = total[cell] / periods
    return sums, lows, highs


@cython.boundscheck(False)  # indexes are below periods * cells, which check_matrix holds against the buffer,
@cython.wraparound(False)   # and the columns taken are looked at first
def moved_columns(const double[::1] values, *, Py_ssize_t periods, Py_ssize_t cells, columns, shifts,
                  scales) -> array:
    """The columns at the indexes ``columns``, each less its shift and divided by its scale."""
    check_matrix(values, periods, cells)
    chosen = array("q", columns)
    cdef const int64_t[::1] column = chosen
    cdef const double[::1] shift = array("d", shifts), scale = array("d", scales)
    cdef Py_ssize_t count = column.shape[0], at, each
    if not count or min(chosen) < 0 or max(chosen) >= cells or not len(shift) == len(scale) == count:
        raise BrokenInvariant(f"{count} columns of {cells} cannot be moved by {len(shift)}, {len(scale)}.")
    moved = array("d", bytes(8 * periods * count))
    cdef double[::1] found = moved
    for at in range(periods):
        for each in range(count):
            found[at * count + each] = (values[at * cells + column[each]] - shift[each]) / scale[each]
    return moved


@cython.boundscheck(False)  # indexes are below periods * cells, which check_matrix holds against the buffer
@cython.wraparound(False)
@cython.cdivision(True)  # the divisors are periods and block, both at least 1
def long_run_variances(const double[::1] values, *, Py_ssize_t periods, Py_ssize_t cells,
                       double block) -> array:
    """n times the variance of each cell's mean under the stationary bootstrap of mean ``block``.

    The columns must have a mean of 0. The formula is γ(0) + 2·Σ κ(i)·γ(i) with κ(i) = (1 − i/n)·q^i +
    i/n·q^(n−i) and q = 1 − 1/block. The result is at least γ(0), the value for independent periods. (Politis
    and Romano, The Stationary Bootstrap, Journal of the American Statistical Association 89, 1994, lemma 1.)
    """
    check_matrix(values, periods, cells)
    if not block >= 1.0:
        raise BrokenInvariant(f"A mean block is 1 or more, not {block}.")
    found = array("d", bytes(8 * cells))
    floor = array("d", found)
    cdef double[::1] variances = found
    cdef double n = <double>periods, keep = 1.0 - 1.0 / block, weight
    cdef Py_ssize_t lag, at, cell, here, there
    for lag in range(periods):
        weight = 1.0
        if lag > 0:
            weight = 2.0 * ((1.0 - lag / n) * keep ** lag + lag / n * keep ** (periods - lag))
        # So small a weight does not change the sum.
        if weight < 1e-18:
            continue
        weight /= n
        if lag == 1:
            floor[:] = found
        with nogil:
            for at in range(periods - lag):
                here, there = at * cells, (at + lag) * cells
                for cell in range(cells):
                    variances[cell] += weight * values[here + cell] * values[there + cell]
    return array("d", map(max, found, floor))


@cython.boundscheck(False)  # indexes are below periods * cells, which check_matrix holds against the buffer
@cython.wraparound(False)
@cython.cdivision(True)  # the divisor is periods, at least 1
def largest_means(const double[::1] values, *, Py_ssize_t periods, Py_ssize_t cells, Py_ssize_t resamples,
                  double block, uint64_t seed) -> array:
    """The largest of all cells' means in each of ``resamples`` stationary bootstraps of the periods.

    After a period comes the next one (after the last, the first), or with probability 1/``block`` a random
    one. All cells use the same drawn periods, which keeps their correlation.
    """
    check_matrix(values, periods, cells)
    if resamples < 1 or not block >= 1.0:
        raise BrokenInvariant(f"There are no {resamples} resamples of mean block {block}.")
    found = array("d", bytes(8 * resamples))
    cdef double[::1] largest = found
    cdef double fresh = 1.0 / block, best, times
    cdef uint64_t state = seed
    cdef Py_ssize_t each, at, cell, row
    cdef int32_t* drawn = <int32_t*>taken(periods, sizeof(int32_t))
    cdef double* totals = NULL
    try:
        totals = <double*>taken(cells, sizeof(double))
        with nogil:
            for each in range(resamples):
                memset(drawn, 0, periods * sizeof(int32_t))
                memset(totals, 0, cells * sizeof(double))
                at = next_index(&state, periods)
                for row in range(periods):
                    if row > 0:
                        at = next_index(&state, periods) if next_unit(&state) < fresh else (at + 1) % periods
                    drawn[at] += 1
                for row in range(periods):
                    if drawn[row]:
                        times = <double>drawn[row]
                        for cell in range(cells):
                            totals[cell] += times * values[row * cells + cell]
                best = -INFINITY
                for cell in range(cells):
                    best = totals[cell] if totals[cell] > best else best
                largest[each] = best / <double>periods
    finally:
        PyMem_Free(totals)
        PyMem_Free(drawn)
    return found


cdef enum:
    # The number of cells that one step of the loops below handles.
    LANES = 4


cdef struct Halves:
    # Sums over every subset of the first and of the second half of the blocks; one row of cells per subset.
    Py_ssize_t cells
    int bits                 # blocks in each half
    double* sums[2]
    double* squares[2]


cdef inline int ones(unsigned int mask) noexcept nogil:
    cdef int count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@cython.cdivision(True)  # a divisor of 0 is intended: the quotient is infinite, with the mean's sign
cdef void scores_of(const Halves* halves, unsigned int mask, double periods, double* scores) noexcept nogil:
    """Scores the cells over the blocks of ``mask``; the order is that of their Sharpe ratios (SR·|SR|).

    The square avoids a root, and nothing branches, so the compiler vectorises the loop. A cell without
    variance scores 0 if its mean is 0, else infinity with the sign of the mean. A variance within the
    rounding of the sum of squares counts as 0.
    """
    cdef Py_ssize_t low = (mask & ((1 << halves.bits) - 1)) * halves.cells
    cdef Py_ssize_t high = (mask >> halves.bits) * halves.cells
    cdef const double* sums_0 = halves.sums[0] + low
    cdef const double* sums_1 = halves.sums[1] + high
    cdef const double* squares_0 = halves.squares[0] + low
    cdef const double* squares_1 = halves.squares[1] + high
    cdef Py_ssize_t cell
    cdef double total, square, spread, share = 1.0 / periods
    for cell in range(halves.cells):
        total = sums_0[cell] + sums_1[cell]
        square = squares_0[cell] + squares_1[cell]
        spread = square - total * total * share
        spread = spread if spread > 1e-13 * square else 0.0
        # If all values are 0 the divisor is 1.
        spread = spread if square > 0.0 else 1.0
        scores[cell] = total * fabs(total) / spread


cdef bint is_overfit(const double* inside, const double* outside, const double* weights, Py_ssize_t cells,
                     double count_all) noexcept nogil:
    """Whether the best cell of one half is in the lower half of the ranks of the other half.

    Of equal cells the first is the best; equal cells share the mean of their ranks. The test is
    ω = rank/(N + 1) <= 1/2. N is ``count_all``, the sum of the weights; a weight is the number of cells with
    the same P&L.
    """
    cdef Py_ssize_t cell, best = 0, lane, whole = cells - cells % LANES
    # Counted as doubles in LANES sums, so the compiler vectorises it: a lower cell counts twice, an equal one
    # once.
    cdef double[LANES] twice_rank, most
    cdef double own, count = 1.0, largest = -INFINITY
    for lane in range(LANES):
        twice_rank[lane], most[lane] = 0.0, -INFINITY
    for cell in range(0, whole, 4):
        for lane in range(LANES):
            most[lane] = inside[cell + lane] if inside[cell + lane] > most[lane] else most[lane]
    for lane in range(LANES):
        largest = most[lane] if most[lane] > largest else largest
    for cell in range(whole, cells):
        largest = inside[cell] if inside[cell] > largest else largest
    # The loop finds a cell: ``largest`` is the value of a cell, or minus infinity if all cells have that.
    while best < cells - 1 and inside[best] != largest:
        best += 1
    own = outside[best]
    for cell in range(0, whole, 4):
        for lane in range(LANES):
            twice_rank[lane] += (weights[cell + lane] if outside[cell + lane] < own else 0.0) + (
                weights[cell + lane] if outside[cell + lane] <= own else 0.0)
    for lane in range(LANES):
        count += twice_rank[lane]
    for cell in range(whole, cells):
        count += (weights[cell] if outside[cell] < own else 0.0) + (
            weights[cell] if outside[cell] <= own else 0.0)
    # ``count`` is twice the rank, which is below + (equal + 1)/2; the bound is twice (N + 1)/2.
    return count <= count_all + 1.0


def overfit_splits(const double[::1] values, *, Py_ssize_t periods, Py_ssize_t cells, int blocks,
                   counts) -> tuple:
    """(overfit splits, all splits). The splits are all choices of half of ``blocks`` blocks of the periods.

    A split is overfit if ``is_overfit`` holds for its best cell. Block i ends before period
    floor((i + 1)·periods/blocks). ``counts`` has the number of cells with the same P&L for each column.
    """
    check_matrix(values, periods, cells)
    cdef const double[::1] weights = array("d", counts)
    cdef double count_all = sum(counts)
    if weights.shape[0] != cells:
        raise BrokenInvariant(f"{cells} columns cannot stand for {weights.shape[0]} numbers of cells.")
    if blocks < 2 or blocks > 24 or blocks % 2 or periods < blocks:
        raise BrokenInvariant(f"{periods} periods cannot be cut into {blocks} blocks.")
    cdef Halves halves
    cdef int half = blocks // 2, side
    cdef unsigned int mask, every = (1 << blocks) - 1
    cdef Py_ssize_t subsets = 1 << half, overfit = 0, splits = 0, inside, block
    cdef Py_ssize_t[24] lengths
    cdef double* memory = <double*>taken((4 * subsets + 2) * cells, sizeof(double))
    cdef double* scores
    ends = [(block + 1) * periods // blocks for block in range(blocks)]
    for block in range(blocks):
        lengths[block] = ends[block] - (ends[block - 1] if block else 0)
    try:
        halves.cells, halves.bits = cells, half
        for side in range(2):
            halves.sums[side] = memory + 2 * side * subsets * cells
            halves.squares[side] = memory + (2 * side + 1) * subsets * cells
            starts = [0, *ends][side * half:side * half + half]
            add_subsets(values, halves.sums[side], halves.squares[side], cells, starts,
                        ends[side * half:side * half + half])
        scores = memory + 4 * subsets * cells
        # A mask with block 0 covers two splits: itself, and its complement with inside and outside exchanged.
        with nogil:
            for mask in range(1, every, 2):
                if ones(mask) != half:
                    continue
                inside = 0
                for block in range(blocks):
                    if mask >> block & 1:
                        inside += lengths[block]
                scores_of(&halves, mask, <double>inside, scores)
                scores_of(&halves, every ^ mask, <double>(periods - inside), scores + cells)
                overfit += is_overfit(scores, scores + cells, &weights[0], cells, count_all)
                overfit += is_overfit(scores + cells, scores, &weights[0], cells, count_all)
                splits += 2
    finally:
        PyMem_Free(memory)
    return overfit, splits


cdef int add_subsets(const double[::1] values, double* sums, double* squares, Py_ssize_t cells, list starts,
                     list ends) except -1:
    """Adds up sums and squares of every subset of blocks: those of its last block and of the rest of it."""
    cdef Py_ssize_t bit, cell, row, subset, source, last
    cdef double value
    memset(sums, 0, (1 << len(starts)) * cells * sizeof(double))
    memset(squares, 0, (1 << len(starts)) * cells * sizeof(double))
    for bit, (start, end) in enumerate(zip(starts, ends)):
        last = <Py_ssize_t>1 << bit
        for row in range(start, end):
            for cell in range(cells):
                value = values[row * cells + cell]
                sums[last * cells + cell] += value
                squares[last * cells + cell] += value * value
        for subset in range(last + 1, 2 * last):
            source = subset - last
            for cell in range(cells):
                sums[subset * cells + cell] = sums[last * cells + cell] + sums[source * cells + cell]
                squares[subset * cells + cell] = squares[last * cells + cell] + squares[source * cells + cell]
    return 0
