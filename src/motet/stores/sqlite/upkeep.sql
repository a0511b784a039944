-- name: columns
number, id, status, ended_at, lease_until,
NOT EXISTS (SELECT 1 FROM runs AS above
    WHERE above.id = runs.parent AND above.status NOT IN ('succeeded', 'failed', 'cancelled')),
coalesce((SELECT last_offset FROM records WHERE run = number ORDER BY last_seq DESC LIMIT 1), 0), tags

-- name: candidates
SELECT {columns} FROM runs WHERE status IN ('succeeded', 'failed', 'cancelled') AND ended_at < ?

-- name: candidate
SELECT {columns} FROM runs WHERE number = ?

-- name: listeners
-- A listener that is a run holds events back while the run is not over.
SELECT listeners.name, listeners.offset, until FROM listeners LEFT JOIN runs ON id = listeners.name
WHERE coalesce(status, '') NOT IN ('succeeded', 'failed', 'cancelled')

-- name: listening_runs
SELECT id, coalesce((SELECT offset FROM listeners WHERE name = id), after_offset)
FROM runs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')

-- name: size_of_run
SELECT coalesce(sum(count), 0), coalesce(sum(coalesce(length(body), 0) + coalesce(length(steps), 0) + 32), 0)
FROM records WHERE run = ?

-- name: delete_records
DELETE FROM records WHERE run = ?

-- name: delete_changes
DELETE FROM changes WHERE step IN (SELECT number FROM steps WHERE run = ?)

-- name: delete_steps
DELETE FROM steps WHERE run = ?

-- name: delete_checkpoint
DELETE FROM checkpoints WHERE run = ?

-- name: delete_uses
DELETE FROM uses WHERE run = ?

-- name: delete_run
DELETE FROM runs WHERE number = ?

-- name: delete_aliases
DELETE FROM aliases WHERE run = ?

-- name: delete_listener
DELETE FROM listeners WHERE name = ?

-- name: old_events
run = 0 AND last_seq IS NULL AND count > 0 AND at < ?1 AND last_offset <= ?2

-- name: size_of_old_events
SELECT coalesce(sum(count), 0), coalesce(sum(coalesce(length(body), 0) + 32), 0) FROM records WHERE {old_events}

-- name: delete_old_events
DELETE FROM records WHERE last_offset IN (SELECT last_offset FROM records WHERE {old_events} LIMIT ?3)

-- name: delete_old_terms
-- Those of the newest stretch stay: more may be published in it.
DELETE FROM event_terms WHERE stretch < (SELECT last_offset >> 10 FROM records
    WHERE run = 0 AND last_seq IS NULL ORDER BY last_offset LIMIT 1)

-- name: delete_old_listeners
DELETE FROM listeners WHERE until <= ? AND name NOT IN (SELECT id FROM runs)

-- name: hold_head
-- A record of no events keeps the head where it is though the newest one goes.
INSERT INTO records (last_offset, count, run) VALUES (?, 0, 0) ON CONFLICT DO NOTHING

-- name: delete_old_holds
DELETE FROM records WHERE run = 0 AND last_seq IS NULL AND count = 0
AND last_offset < (SELECT max(last_offset) FROM records)

-- name: delete_old_caches
DELETE FROM documents WHERE kind = 'cache' AND written_at < ?
