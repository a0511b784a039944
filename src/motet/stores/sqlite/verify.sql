-- name: ids
SELECT id FROM runs ORDER BY number

-- name: changed
SELECT last_seq, count, steps, seal FROM records
WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY last_seq

-- name: steps
SELECT coalesce(runs.id, steps.run), steps.run, key, task, form, steps.status, steps.parent, steps.name, attempt, added_at,
steps.started_at, steps.ended_at, cached, needs, size, done, steps.error, steps.result, steps.seal
FROM steps LEFT JOIN runs ON runs.number = steps.run ORDER BY steps.number

-- name: checkpoints
SELECT id FROM runs JOIN checkpoints ON checkpoints.run = number ORDER BY number

-- name: documents
SELECT voice, kind, key, body, version, seal FROM documents ORDER BY voice, kind, key

-- name: unlisted
SELECT last_offset FROM records WHERE run = 0 AND last_seq IS NULL AND count > 0 AND 3 > (
    SELECT count(*) FROM event_terms WHERE stretch = last_offset >> 10
    AND (kind, value) IN (VALUES ('key', records.key), ('namespace', namespace), ('sender', sender)))
