-- name: light_columns
key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached, needs, size, done, error

-- name: place_of_run
SELECT number, folded_seq FROM runs WHERE id = ?

-- name: unfolded
SELECT last_seq, count, steps, seal FROM records WHERE run = ? AND last_seq > ? ORDER BY last_seq LIMIT ?

-- name: count_unfolded
SELECT count(*) FROM (SELECT 1 FROM records WHERE run = ? AND last_seq > ? LIMIT ?)

-- name: put
-- Add a step, or bring the one of that key up to date; its place among the others stays.
INSERT INTO steps (run, {light_columns}, result, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, key) DO UPDATE SET
    task = excluded.task, form = excluded.form, status = excluded.status, parent = excluded.parent,
    name = excluded.name, attempt = excluded.attempt, added_at = excluded.added_at,
    started_at = excluded.started_at, ended_at = excluded.ended_at, cached = excluded.cached,
    needs = excluded.needs, size = excluded.size, done = excluded.done, error = excluded.error,
    result = excluded.result, seal = excluded.seal

-- name: put_change
INSERT OR IGNORE INTO changes (step, last_seq) VALUES ((SELECT number FROM steps WHERE run = ? AND key = ?), ?)

-- name: folded
UPDATE runs SET folded_seq = ? WHERE number = ?

-- name: one
SELECT run, {light_columns}, result, seal FROM steps WHERE run = ? AND key = ?

-- name: place
SELECT number FROM steps WHERE run = ? AND key = ?

-- name: light
SELECT number, run, {light_columns}, NULL, NULL FROM steps
WHERE run = ?1 AND (?2 IS NULL OR status = ?2) ORDER BY number LIMIT ?3

-- name: whole
SELECT number, run, {light_columns}, result, seal FROM steps
WHERE run = ?1 AND (?2 IS NULL OR status = ?2) ORDER BY number LIMIT ?3
