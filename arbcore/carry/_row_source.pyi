class RowSource:
    rows: int
    missing: int
    crossed: int
    malformed: int
    has_expiry: bool
    has_factor: bool
    zoned: bool
    pair: str | None
    unused: str | None
    @property
    def skipped(self) -> dict[str, int]: ...
    def take(
        self, limit: int = 1024
    ) -> list[tuple[int, float, float, float, float, float | None, int | None]]: ...
