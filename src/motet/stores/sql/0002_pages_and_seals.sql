-- Version 2: what pages read, and checksums. An engine's commit still writes one row.

ALTER TABLE runs ADD COLUMN voice TEXT NOT NULL DEFAULT '';
UPDATE runs SET voice = coalesce(json_extract(program, '$.voice'), '') WHERE json_valid(program);

-- How many steps the run has in each status, after the record's events.
ALTER TABLE records ADD COLUMN counts TEXT;
UPDATE records SET counts = (SELECT coalesce(runs.counts, '{}') FROM runs WHERE number = records.run)
    WHERE last_offset IN (SELECT max(last_offset) FROM records WHERE last_seq IS NOT NULL GROUP BY run);

-- Each list is read in the order of time: a filter by equality finds its runs in that order.
CREATE INDEX runs_by_status ON runs (status, created_at);
CREATE INDEX runs_by_workflow ON runs (workflow, created_at);
CREATE INDEX runs_by_voice ON runs (voice, created_at);
CREATE INDEX runs_by_parent ON runs (parent, created_at) WHERE parent <> '';

-- By what else a run is found: tags (name ''), parameters (by path) and the last point of each metric.
CREATE TABLE terms (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (kind, name, value, run)
) WITHOUT ROWID;
CREATE INDEX terms_by_run ON terms (run, kind, name);

-- How many runs ended, by when they were created and how long they took: cells of a minute, an hour and a day, and
-- of a factor of the square root of two. `took` is a place in `durations`.
CREATE TABLE durations (place INTEGER PRIMARY KEY, from_s REAL NOT NULL);
INSERT INTO durations
    WITH RECURSIVE step (place, from_s) AS (
        VALUES (0, 0.0) UNION ALL
        SELECT place + 1, CASE place WHEN 0 THEN 0.001 ELSE from_s * 1.4142135623730951 END FROM step WHERE place < 70)
    SELECT place, from_s FROM step;
CREATE TABLE density (
    width  INTEGER NOT NULL,
    cell   INTEGER NOT NULL,
    took   INTEGER NOT NULL,
    status TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (width, cell, took, status)
) WITHOUT ROWID;
CREATE INDEX runs_open ON runs (created_at, status) WHERE ended_at IS NULL;

CREATE TABLE widths (width INTEGER PRIMARY KEY);
INSERT INTO widths VALUES (60), (3600), (86400);
CREATE VIEW run_cells AS
    SELECT number, width, CAST(created_at / width AS INTEGER) AS cell, status,
        (SELECT max(place) FROM durations WHERE from_s <= max(0.0, ended_at - coalesce(started_at, ended_at))) AS took
    FROM runs, widths WHERE ended_at IS NOT NULL;
INSERT INTO density SELECT width, cell, took, status, count(*) FROM run_cells GROUP BY width, cell, took, status;
CREATE TRIGGER density_before BEFORE UPDATE OF status, ended_at, started_at ON runs WHEN old.ended_at IS NOT NULL BEGIN
    UPDATE density SET count = count - 1 WHERE (width, cell, took, status) IN
        (SELECT width, cell, took, status FROM run_cells WHERE number = old.number);
END;
CREATE TRIGGER density_after AFTER UPDATE OF status, ended_at, started_at ON runs WHEN new.ended_at IS NOT NULL BEGIN
    INSERT INTO density SELECT width, cell, took, status, 1 FROM run_cells WHERE number = new.number
        ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER density_gone BEFORE DELETE ON runs WHEN old.ended_at IS NOT NULL BEGIN
    UPDATE density SET count = count - 1 WHERE (width, cell, took, status) IN
        (SELECT width, cell, took, status FROM run_cells WHERE number = old.number);
END;

CREATE INDEX steps_by_status ON steps (run, status);
CREATE INDEX steps_by_task ON steps (run, task, status);
CREATE INDEX steps_by_parent ON steps (run, parent);
-- In the order in which steps were added, with the text that they are found by; and each task's in that order.
CREATE INDEX steps_in_order ON steps (run, number, key, name);
CREATE INDEX steps_in_task ON steps (run, task);

-- In which records a step, by its number, became something else. Folding brings it up to date with the steps, so runs
-- that were folded without it are folded again.
CREATE TABLE changes (
    step     INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (step, last_seq)
) WITHOUT ROWID;
UPDATE runs SET folded_seq = 0 WHERE folded_seq > 0;

-- Which steps made an artifact or were given it, as it was recorded.
CREATE TABLE uses (
    digest TEXT NOT NULL,
    run    INTEGER NOT NULL,
    key    TEXT NOT NULL,
    given  INTEGER NOT NULL,
    PRIMARY KEY (digest, run, key, given)
) WITHOUT ROWID;
CREATE INDEX uses_by_step ON uses (run, key);

-- When the document was written last: those of kind `cache` go when that is long ago.
ALTER TABLE documents ADD COLUMN written_at REAL NOT NULL DEFAULT 0;
UPDATE documents SET written_at = strftime('%s', 'now');

-- In which stretches of 1024 offsets there are published events of a key, a namespace, a sender. Many are alike, so this
-- costs an event next to nothing, where three indexes cost as much as the event itself.
CREATE TABLE event_terms (
    kind    TEXT NOT NULL,
    value   TEXT NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (kind, value, stretch)
) WITHOUT ROWID;
INSERT OR IGNORE INTO event_terms SELECT 'key', key, last_offset >> 10 FROM records WHERE key IS NOT NULL;
INSERT OR IGNORE INTO event_terms SELECT 'namespace', namespace, last_offset >> 10 FROM records WHERE namespace IS NOT NULL;
INSERT OR IGNORE INTO event_terms SELECT 'sender', sender, last_offset >> 10 FROM records WHERE sender IS NOT NULL;

-- A checksum for each row that a result may come from; NULL for rows that the version before wrote. What it covers
-- stands in `sqlite/rows.py`.
ALTER TABLE records ADD COLUMN seal INTEGER;
ALTER TABLE runs ADD COLUMN seal INTEGER;
ALTER TABLE runs ADD COLUMN outcome_seal INTEGER;
ALTER TABLE steps ADD COLUMN seal INTEGER;
ALTER TABLE checkpoints ADD COLUMN seal INTEGER;
ALTER TABLE documents ADD COLUMN seal INTEGER;
