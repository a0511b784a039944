-- name: head
SELECT coalesce(max(last_offset), 0) FROM records

-- name: referring
SELECT body FROM records WHERE last_offset > ?1 AND last_offset <= ?1 + ?2 AND instr(body, '"artifact":') > 0

-- name: publish
INSERT INTO records (last_offset, count, run, body, about, key, namespace, sender, at, client_key, seal) VALUES {rows}

-- name: row
(?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: offset_of_client_key
SELECT last_offset FROM records WHERE client_key = ?

-- name: columns
last_offset, count, coalesce(runs.id, about, ''), last_seq, body, records.key, namespace, sender, records.at, records.seal

-- name: published
last_offset, count, coalesce(about, ''), last_seq, body, key, namespace, sender, at, seal

-- name: read_all
SELECT {columns} FROM records LEFT JOIN runs ON number = run
WHERE last_offset > ?1 AND count > 0 ORDER BY last_offset LIMIT ?2

-- name: read_published
SELECT {published} FROM records
WHERE run = 0 AND last_seq IS NULL AND last_offset > ?1 AND count > 0 ORDER BY last_offset LIMIT ?2

-- name: put_terms
INSERT OR IGNORE INTO event_terms (kind, value, stretch)
VALUES ('key', ?1, ?4), ('namespace', ?2, ?4), ('sender', ?3, ?4)

-- name: has_term
EXISTS (SELECT 1 FROM event_terms WHERE kind = ? AND value = ? AND stretch = term.stretch)

-- name: read_termed
-- Stretch by stretch, so that no more is read than is shown.
SELECT {published} FROM (SELECT stretch FROM event_terms AS term
    WHERE kind = ? AND value = ? AND stretch >= ? AND {others} ORDER BY stretch) CROSS JOIN records
WHERE run = 0 AND last_seq IS NULL AND last_offset BETWEEN stretch << 10 AND (stretch << 10) + 1023
AND {conditions} AND last_offset > ? AND count > 0 ORDER BY stretch, last_offset LIMIT ?

-- name: read_chosen
SELECT {published} FROM records WHERE {conditions} AND last_offset > ? AND count > 0
ORDER BY last_offset LIMIT ?

-- name: time_from
-- The first record from an offset on, and its time.
SELECT last_offset, coalesce(at, json_extract(body, '$[#-1].at'), 0.0) FROM records
WHERE last_offset >= ? AND count > 0 ORDER BY last_offset LIMIT 1

-- name: read_about
SELECT {published} FROM records
WHERE about = ?3 AND last_offset > ?1 ORDER BY last_offset LIMIT ?2

-- name: read_run
-- A run has at most as many events beyond an offset as there are offsets beyond it: max() says so, and spares
-- those who follow a long run its beginning.
SELECT {columns} FROM records LEFT JOIN runs ON number = run
WHERE run = ?3 AND last_offset > ?1 AND last_seq > max(0,
    (SELECT max(last_seq) FROM records WHERE run = ?3 AND last_seq < 9e18) - ((SELECT max(last_offset) FROM records) - ?1))
ORDER BY last_seq LIMIT ?2

-- name: number_of_run
SELECT number FROM runs WHERE id = ?

-- name: keep_from
INSERT OR REPLACE INTO listeners (name, offset, until) VALUES (?, ?, ?)
