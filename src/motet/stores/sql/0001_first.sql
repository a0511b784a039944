-- Version 1.
--
-- Every step of every run is a row of `records`: it is appended to at its right end and has one narrow index that
-- an engine's record is part of. An index more, or a row in a second table, would cost each of them.

-- `number` stands for the run in the other tables. Published events beyond `after_offset` concern the run.
-- `folded_seq` is the last event whose changed steps are in the table `steps`.
CREATE TABLE runs (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    program      TEXT,
    params       TEXT,
    parent       TEXT NOT NULL,
    tags         TEXT,
    status       TEXT NOT NULL,
    epoch        INTEGER NOT NULL DEFAULT 0,
    after_offset INTEGER NOT NULL,
    created_at   REAL NOT NULL,
    started_at   REAL,
    ended_at     REAL,
    result       TEXT,
    error        TEXT,
    counts       TEXT,
    owner        TEXT,
    lease_until  REAL,
    folded_seq   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_age ON runs (created_at);

-- The journal. An engine's record is all events of one append: `count` events as a JSON list in `body`, the last
-- of which has offset `last_offset` and is number `last_seq` of the run; `steps` is a list of the step rows that
-- changed with them, each a list of the columns of the table `steps` from `key` on. A published event is a
-- record of one: run 0, no `last_seq`, its value in `body`, the run that it is meant for in `about`. A record of
-- no events (count 0) only holds the head of the journal in place after pruning.
CREATE TABLE records (
    last_offset INTEGER PRIMARY KEY,
    count       INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    last_seq    INTEGER,
    body        TEXT,
    steps       TEXT,
    about       TEXT,
    key         TEXT,
    namespace   TEXT,
    sender      TEXT,
    at          REAL,
    client_key  TEXT
);
-- Published events stand in it as (0, NULL, offset), so they can be read in order without the engines' records.
CREATE UNIQUE INDEX records_by_run ON records (run, last_seq);
CREATE INDEX records_by_about ON records (about) WHERE about IS NOT NULL;
CREATE UNIQUE INDEX records_by_client_key ON records (client_key) WHERE client_key IS NOT NULL;

-- The step rows of `records` up to each run's `folded_seq`, the last one of each key. They are brought in by whoever
-- looks at a run, many at once. `number` grows in the order in which steps were added.
CREATE TABLE steps (
    number     INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL,
    key        TEXT NOT NULL,
    task       TEXT NOT NULL,
    form       TEXT NOT NULL,
    status     TEXT NOT NULL,
    parent     TEXT NOT NULL,
    name       TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    added_at   REAL NOT NULL,
    started_at REAL,
    ended_at   REAL,
    cached     INTEGER NOT NULL,
    needs      TEXT,
    size       INTEGER,
    done       INTEGER NOT NULL,
    error      TEXT,
    result     TEXT
);
CREATE UNIQUE INDEX steps_by_key ON steps (run, key);

CREATE TABLE checkpoints (
    run   INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL,
    state TEXT
);

CREATE TABLE listeners (
    name   TEXT PRIMARY KEY,
    offset INTEGER NOT NULL,
    until  REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    voice   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT,
    PRIMARY KEY (voice, kind, key)
);

CREATE TABLE aliases (
    voice TEXT NOT NULL,
    name  TEXT NOT NULL,
    run   TEXT NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
CREATE INDEX aliases_by_run ON aliases (run);

CREATE TABLE sequences (
    voice  TEXT NOT NULL,
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (voice, name)
) WITHOUT ROWID;
