"""The schema of the carry bot's store: its tables, and the steps from one version to the next.

Owns the statements only; ``store_file`` opens and locks the file, ``store`` writes the rows. Columns that end
in ``_ts`` are ISO 8601 UTC with as many decimals as needed, so read them as times and never sort them as
text. Prices and money are REAL, as the broker reports them. Other people's tools read these tables, so a
column's meaning never changes.
"""

#: "arbc" as a number; SQLite writes it into the file's header, where tools such as `file` read it.
APPLICATION_ID = 0x61726263
FORMAT = "arbcore.broker.store"

# One entry for each version: the statements that update a store of the version before. Never edit an entry
# that was released; add a new one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # Facts about the file: format, made_by, created_ts, account, mode, store_id, factor, pair,
        # settings (JSON) and recording (a path) of the last run.
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # One row for each pair, from its first order on; they and their executions make the ledger.
        """CREATE TABLE trades (
            trade_id INTEGER PRIMARY KEY,
            side TEXT NOT NULL CHECK (side IN ('cash_and_carry', 'reverse')),
            phase TEXT NOT NULL,
            con_id INTEGER NOT NULL,
            expiry_ts TEXT NOT NULL,
            multiplier REAL NOT NULL,
            wanted_contracts INTEGER NOT NULL,
            wanted_shares INTEGER NOT NULL,
            entry_ts TEXT NOT NULL,
            entry_dev_bps REAL NOT NULL,
            contracts INTEGER NOT NULL,
            shares INTEGER NOT NULL,
            es_entry REAL,
            es_exit REAL,
            spy_entry REAL,
            spy_exit REAL,
            exit_ts TEXT,
            exit_dev_bps REAL,
            exit_reason TEXT NOT NULL,
            tries INTEGER NOT NULL,
            gross REAL NOT NULL,
            commission REAL
        )""",
        # One row for each of our orders, committed before it is sent: the intent, and the order's state.
        """CREATE TABLE orders (
            order_ref TEXT PRIMARY KEY,
            trade_id INTEGER NOT NULL,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
            quantity INTEGER NOT NULL CHECK (quantity > 0),
            order_type TEXT NOT NULL,
            limit_price REAL,
            tif TEXT NOT NULL,
            role TEXT NOT NULL,
            approved INTEGER NOT NULL,
            con_id INTEGER NOT NULL,
            created_ts TEXT NOT NULL,
            state TEXT NOT NULL,
            filled INTEGER NOT NULL,
            perm_id INTEGER NOT NULL,
            reason TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX orders_by_trade ON orders (trade_id)",
        # One row for each execution. exec_key is the broker's id without its last segment, which counts
        # corrections; exec_id is the newest id. commission is NULL while it is unknown.
        """CREATE TABLE executions (
            exec_key TEXT PRIMARY KEY,
            exec_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            order_ref TEXT NOT NULL,
            perm_id INTEGER NOT NULL,
            trade_id INTEGER NOT NULL,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
            quantity INTEGER NOT NULL CHECK (quantity > 0),
            price REAL NOT NULL,
            multiplier REAL NOT NULL,
            ts TEXT NOT NULL,
            commission REAL
        ) WITHOUT ROWID""",
        "CREATE INDEX executions_by_order ON executions (order_ref)",
        # Commission reports as they came, possibly before their execution, and their corrections.
        """CREATE TABLE commissions (
            exec_id TEXT PRIMARY KEY,
            commission REAL NOT NULL,
            currency TEXT NOT NULL,
            ts TEXT NOT NULL
        ) WITHOUT ROWID""",
        # One row for each New York date: the value from which the daily loss is measured.
        """CREATE TABLE days (
            date TEXT PRIMARY KEY,
            start_value REAL NOT NULL,
            margin_checked INTEGER NOT NULL,
            tripped INTEGER NOT NULL
        ) WITHOUT ROWID""",
        # Every signal, acted on or refused, and one sample a minute (action "sample").
        # implied_repo is at the prices that the action trades at; for a sample, at the mids.
        """CREATE TABLE signals (
            signal_id INTEGER PRIMARY KEY,
            ts TEXT NOT NULL,
            action TEXT NOT NULL,
            refusal TEXT NOT NULL,
            es_bid REAL, es_ask REAL, spy_bid REAL, spy_ask REAL,
            dev_bps REAL, edge_cc_bps REAL, edge_rev_bps REAL,
            implied_repo REAL
        )""",
        # States, alarms, connections: the time line.
        """CREATE TABLE events (
            event_id INTEGER PRIMARY KEY,
            ts TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'alarm')),
            kind TEXT NOT NULL,
            text TEXT NOT NULL
        )""",
    ),
    (
        # One row for each change of a pair's position without one of our executions: an expired future that
        # was settled in cash, or a part closed by hand. quantity is signed; the price is not known.
        """CREATE TABLE adjustments (
            adjustment TEXT PRIMARY KEY,
            trade_id INTEGER NOT NULL,
            symbol TEXT NOT NULL,
            quantity INTEGER NOT NULL,
            reason TEXT NOT NULL CHECK (reason IN ('settled', 'by_hand')),
            ts TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        # One row for each contract: its last measured factor. The factor in meta is deleted, because neither
        # its time nor its contract is known.
        """CREATE TABLE factors (
            con_id INTEGER PRIMARY KEY,
            factor REAL NOT NULL,
            measured_ts TEXT NOT NULL,
            decisions INTEGER NOT NULL
        )""",
        "DELETE FROM meta WHERE key = 'factor'",
    ),
    (
        # The number of decisions skipped for want of good prices, by New York date and reason.
        """CREATE TABLE skipped (
            date TEXT NOT NULL,
            reason TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (date, reason)
        ) WITHOUT ROWID""",
    ),
    (
        # One row, for the present or last run: written every few seconds, in the machine's time. ended_ts is
        # NULL until the run has ended; ending is its last sentence. held are the account's positions by
        # symbol, NULL while unknown; executed are the positions that our executions add up to. Both, reasons
        # and quote are JSON.
        """CREATE TABLE heartbeat (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            pid INTEGER NOT NULL,
            since_ts TEXT NOT NULL,
            ts TEXT NOT NULL,
            ended_ts TEXT,
            ending TEXT NOT NULL,
            in_order INTEGER NOT NULL,
            state TEXT NOT NULL,
            reasons TEXT NOT NULL,
            waiting TEXT NOT NULL,
            held TEXT,
            executed TEXT NOT NULL,
            day_pnl REAL,
            quote TEXT NOT NULL
        )""",
    ),
    (
        # One row for each contract: the level learnt in it, with the state to continue it: mode track or
        # auto, the seconds learnt, the time of the last row and its settlement day, the seconds between the
        # last two. The old factors were medians of a morning and cannot be continued.
        """CREATE TABLE levels (
            expiry_ts TEXT PRIMARY KEY,
            mode TEXT NOT NULL CHECK (mode IN ('track', 'auto')),
            factor REAL NOT NULL,
            known_s REAL NOT NULL,
            last_ts TEXT NOT NULL,
            gap_s REAL NOT NULL,
            settlement_date TEXT NOT NULL
        ) WITHOUT ROWID""",
        "DROP TABLE factors",
    ),
    (
        # The level and the rates at a pair's entry, which it keeps (funding is NULL in a pair of an older
        # version), and its financing and dividends up to its exit.
        # Price columns are named after the future and the ETF, for any pair.
        "ALTER TABLE trades RENAME COLUMN es_entry TO fut_entry",
        "ALTER TABLE trades RENAME COLUMN es_exit TO fut_exit",
        "ALTER TABLE trades RENAME COLUMN spy_entry TO etf_entry",
        "ALTER TABLE trades RENAME COLUMN spy_exit TO etf_exit",
        "ALTER TABLE trades ADD COLUMN factor REAL",
        "ALTER TABLE trades ADD COLUMN funding REAL",
        "ALTER TABLE trades ADD COLUMN short REAL NOT NULL DEFAULT 0",
        "ALTER TABLE trades ADD COLUMN borrow REAL NOT NULL DEFAULT 0",
        "ALTER TABLE trades ADD COLUMN financing REAL NOT NULL DEFAULT 0",
        "ALTER TABLE trades ADD COLUMN dividends REAL NOT NULL DEFAULT 0",
        # One row for each New York date and pair: its financing and dividends on that date.
        """CREATE TABLE carried (
            carried TEXT PRIMARY KEY,
            date TEXT NOT NULL,
            trade_id INTEGER NOT NULL,
            financing REAL NOT NULL,
            dividends REAL NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        # A store belongs to one pair of ``carry.pairs`` (meta: pair), and its rows have that pair's symbols.
        # Before, rows of the micro future had the symbol of the full-size one.
        """UPDATE orders SET symbol = 'MES' WHERE symbol = 'ES' AND trade_id IN
            (SELECT trade_id FROM trades WHERE multiplier = 5)""",
        "UPDATE executions SET symbol = 'MES' WHERE symbol = 'ES' AND multiplier = 5",
        """UPDATE adjustments SET symbol = 'MES' WHERE symbol = 'ES' AND trade_id IN
            (SELECT trade_id FROM trades WHERE multiplier = 5)""",
        """INSERT OR IGNORE INTO meta (key, value)
            SELECT 'pair', CASE multiplier WHEN 5 THEN 'mes-spy' ELSE 'es-spy' END
            FROM trades ORDER BY trade_id DESC LIMIT 1""",
        # Without trades, the pair of a stored level is not known.
        "DELETE FROM levels WHERE NOT EXISTS (SELECT 1 FROM trades)",
        "ALTER TABLE signals RENAME COLUMN es_bid TO fut_bid",
        "ALTER TABLE signals RENAME COLUMN es_ask TO fut_ask",
        "ALTER TABLE signals RENAME COLUMN spy_bid TO etf_bid",
        "ALTER TABLE signals RENAME COLUMN spy_ask TO etf_ask",
    ),
)

VERSION = len(MIGRATIONS)
