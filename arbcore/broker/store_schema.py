"""What the carry bot's store looks like: its tables, and the steps from one version to the next.

Owns the statements only; opening and locking are ``store_file``'s, rows ``store``'s. Columns that end in
``_ts`` are ISO 8601 UTC with as many decimals as are needed (so they are read as times, never sorted as
text); prices and money are REAL, as the broker reports them. Other people's tools read these tables: a
column's meaning never changes.
"""

#: "arbc" as a number: SQLite keeps it in the file's header, where `file` and others look for it.
APPLICATION_ID = 0x61726263
FORMAT = "arbcore.broker.store"

# One entry a version: what brings a store of the version before to this one. An entry is never edited once
# it was released; a change is a new entry.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # Facts about the file: format, made_by, created_ts, account, mode, store_id, factor, pair,
        # settings (JSON) and recording (a path) of the last run.
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # One row a pair, from its first order on; the ledger is made of them and of their executions.
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
        # One row an order of ours, committed before it is sent: the intent, and what became of it.
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
        # One row an execution. exec_key is the broker's id less its last segment, which counts corrections;
        # exec_id is the newest of them. commission is NULL while it is unknown.
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
        # Commission reports as they came, which may be before their execution, and corrections of them.
        """CREATE TABLE commissions (
            exec_id TEXT PRIMARY KEY,
            commission REAL NOT NULL,
            currency TEXT NOT NULL,
            ts TEXT NOT NULL
        ) WITHOUT ROWID""",
        # One row a New York date: what the daily loss limit is measured from.
        """CREATE TABLE days (
            date TEXT PRIMARY KEY,
            start_value REAL NOT NULL,
            margin_checked INTEGER NOT NULL,
            tripped INTEGER NOT NULL
        ) WITHOUT ROWID""",
        # What was seen: every signal, acted on or refused, and a sample a minute (action "sample").
        # implied_repo is that of the prices which the action trades at; of a sample, of the mids.
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
        # One row a change of a pair's position that no execution of ours made: an expired future that was
        # settled in cash, or what a person closed by hand. quantity is signed; the price is not known.
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
        # One row a contract: the factor measured for it last. The one that meta had says neither when it was
        # measured nor for which contract, so it is no use.
        """CREATE TABLE factors (
            con_id INTEGER PRIMARY KEY,
            factor REAL NOT NULL,
            measured_ts TEXT NOT NULL,
            decisions INTEGER NOT NULL
        )""",
        "DELETE FROM meta WHERE key = 'factor'",
    ),
    (
        # How many decisions were not made for the want of good prices, by New York date and reason.
        """CREATE TABLE skipped (
            date TEXT NOT NULL,
            reason TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (date, reason)
        ) WITHOUT ROWID""",
    ),
    (
        # One row, of the run that is under way or was the last: written every few seconds, in the machine's
        # time. ended_ts is NULL until the run ended, ending its last sentence. held is what the account holds
        # by symbol and NULL while that is unknown, executed what our executions come to; both, reasons and
        # quote are JSON.
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
        # One row a contract: the level that was learnt in it, as it is gone on with: mode track or auto, the
        # seconds learnt, the time of the last row and its settlement day, the seconds between the last two.
        # A factor that was measured before is the median of a morning, so it is no such level.
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
        # The level and the rates of a pair's entry, which it keeps (funding is NULL in a pair of before they
        # were booked), and what it paid or earned by them up to its exit.
        # Prices are those of the future and the ETF, whatever the pair is.
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
        # One row a New York date and pair: what it paid or earned on that date beside its prices.
        """CREATE TABLE carried (
            carried TEXT PRIMARY KEY,
            date TEXT NOT NULL,
            trade_id INTEGER NOT NULL,
            financing REAL NOT NULL,
            dividends REAL NOT NULL
        ) WITHOUT ROWID""",
    ),
    (
        # A store is that of one pair of ``carry.pairs`` (meta: pair), whose symbols its rows have. Before,
        # there were two, and the micro future's rows had the other one's symbol.
        """UPDATE orders SET symbol = 'MES' WHERE symbol = 'ES' AND trade_id IN
            (SELECT trade_id FROM trades WHERE multiplier = 5)""",
        "UPDATE executions SET symbol = 'MES' WHERE symbol = 'ES' AND multiplier = 5",
        """UPDATE adjustments SET symbol = 'MES' WHERE symbol = 'ES' AND trade_id IN
            (SELECT trade_id FROM trades WHERE multiplier = 5)""",
        """INSERT OR IGNORE INTO meta (key, value)
            SELECT 'pair', CASE multiplier WHEN 5 THEN 'mes-spy' ELSE 'es-spy' END
            FROM trades ORDER BY trade_id DESC LIMIT 1""",
        # Nobody knows of which pair the level of a store without trades is.
        "DELETE FROM levels WHERE NOT EXISTS (SELECT 1 FROM trades)",
        "ALTER TABLE signals RENAME COLUMN es_bid TO fut_bid",
        "ALTER TABLE signals RENAME COLUMN es_ask TO fut_ask",
        "ALTER TABLE signals RENAME COLUMN spy_bid TO etf_bid",
        "ALTER TABLE signals RENAME COLUMN spy_ask TO etf_ask",
    ),
)

VERSION = len(MIGRATIONS)
