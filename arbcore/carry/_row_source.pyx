"""A source of valid rows, read from text or from columns.

Owns the counts and the Python interface of a source. Its subclasses read the rows.
"""
from arbcore.errors import BrokenInvariant


cdef class RowSource:
    """Returns valid rows in order, and counts the data rows and the rows that were skipped."""

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1:
        """Writes rows and returns how many; fewer than ``capacity`` if it must read more first."""
        raise BrokenInvariant("A subclass must say how its rows are read.")

    @property
    def skipped(self) -> dict[str, int]:
        """The number of data rows that were skipped, by reason."""
        return {"missing": self.missing, "crossed": self.crossed, "malformed": self.malformed}

    def take(self, Py_ssize_t limit=1024) -> list:
        """Returns up to ``limit`` valid rows as (ts_ns, four prices, factor or None, expiry_ns or None).

        Fewer than ``limit`` rows mean that the source must read more first, or that it has no more.
        """
        cdef QuoteRow row
        rows = []
        while len(rows) < limit and self.fill(&row, 1) == 1:
            rows.append((
                row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask,
                row.factor if self.has_factor else None, row.expiry_ns if self.has_expiry else None,
            ))
        return rows
