-- name: create
INSERT INTO runs (id, name, workflow, program, params, parent, tags, after_offset, created_at, seal, voice, status)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') ON CONFLICT (id) DO NOTHING

-- name: columns
id, name, workflow, program, params, status, epoch,
coalesce((SELECT max(last_seq) FROM records WHERE records.run = runs.number AND last_seq < 9e18), 0),
parent, tags, after_offset, created_at, started_at, ended_at, result, error, owner, lease_until,
(SELECT counts FROM records
    WHERE records.run = runs.number AND counts IS NOT NULL ORDER BY last_seq DESC LIMIT 1),
seal, outcome_seal

-- name: one
SELECT {columns} FROM runs WHERE id = ?

-- name: numbered
SELECT {columns} FROM runs WHERE number = ?

-- name: named
SELECT {columns} FROM runs WHERE id = ?1 OR name = ?1 ORDER BY created_at DESC, number DESC

-- name: begun
SELECT {columns} FROM runs WHERE substr(id, 1, length(?1)) = ?1 OR substr(name, 1, length(?1)) = ?1
ORDER BY created_at DESC, number DESC

-- name: newest
SELECT {columns} FROM runs WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR created_at < ?2)
ORDER BY created_at DESC, number DESC LIMIT ?3

-- name: number
SELECT number FROM runs WHERE id = ?

-- name: sealed
SELECT number, workflow, program, params, parent, after_offset, created_at FROM runs WHERE id = ?

-- name: relabel
UPDATE runs SET name = ?, tags = ?, seal = ? WHERE number = ?

-- name: forget_tags
DELETE FROM terms WHERE (kind, name, value, run) IN
    (SELECT kind, name, value, run FROM terms INDEXED BY terms_by_run WHERE run = ? AND kind = 'tag')

-- name: put_term
INSERT OR IGNORE INTO terms (kind, name, value, run) VALUES (?, ?, ?, ?)

-- name: put_text
INSERT INTO run_texts (rowid, text) VALUES (?, ?)

-- name: forget_metric
DELETE FROM terms WHERE kind = 'metric' AND (name, value, run) IN
    (SELECT name, value, run FROM terms INDEXED BY terms_by_run WHERE run = ? AND kind = 'metric' AND name = ?)

-- name: forget_terms
DELETE FROM terms WHERE (kind, name, value, run) IN
    (SELECT kind, name, value, run FROM terms INDEXED BY terms_by_run WHERE run = ?)

-- name: forget_text
DELETE FROM run_texts WHERE rowid = ?
