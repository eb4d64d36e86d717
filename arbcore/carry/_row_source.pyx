"""Where valid rows come from, whatever they were before: text or columns.

Owns the counts and the Python interface of a source. Its subclasses read the rows.
"""
from arbcore.errors import BrokenInvariant


cdef class RowSource:
    """Hands out valid rows in order, and counts the data rows and those that were not used."""

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1:
        """How many rows were written; fewer than ``capacity`` where more must be read first."""
        raise BrokenInvariant("A subclass must say how its rows are read.")

    @property
    def skipped(self) -> dict[str, int]:
        """Data rows that were not used, by reason."""
        return {"missing": self.missing, "crossed": self.crossed, "malformed": self.malformed}

    def take(self, Py_ssize_t limit=1024) -> list:
        """Up to ``limit`` valid rows as tuples (ts_ns, four prices, factor or None, expiry_ns or None).

        Fewer than ``limit`` means that more must be read first, or that there are no more.
        """
        cdef QuoteRow row
        rows = []
        while len(rows) < limit and self.fill(&row, 1) == 1:
            rows.append((
                row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask,
                row.factor if self.has_factor else None, row.expiry_ns if self.has_expiry else None,
            ))
        return rows
