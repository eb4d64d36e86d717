from arbcore.carry._csv import CsvReader

class SweepRows:
    count: int
    has_expiry: bool
    has_factor: bool
    def feed(self, reader: CsvReader) -> None: ...
    def feed_row(
        self,
        ts_ns: int,
        es_bid: float,
        es_ask: float,
        spy_bid: float,
        spy_ask: float,
        *,
        factor: float | None = None,
        expiry_ns: int | None = None,
    ) -> None: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def first_ns(self) -> int | None: ...
    @property
    def last_ns(self) -> int | None: ...

def rows_from(data: bytes, has_expiry: bool, has_factor: bool) -> SweepRows: ...
