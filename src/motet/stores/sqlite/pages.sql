-- name: few
-- Runs that a rare condition names, however old they are.
SELECT number, created_at FROM ({rare}) AS named CROSS JOIN runs ON number = named.run
WHERE {conditions} ORDER BY created_at DESC, number DESC LIMIT ?

-- name: walk
-- Runs from a place on, back in time, as far as is looked through at once. What the conditions ask of the rows alone is
-- selected: where that is nothing, the index is enough.
SELECT number, created_at FROM (
    SELECT number, created_at{columns} FROM runs {index} WHERE {walked} ORDER BY created_at DESC, number DESC LIMIT {most})
WHERE {conditions} LIMIT ?

-- name: walk_ends
SELECT created_at, number FROM runs {index} WHERE {walked}
ORDER BY created_at DESC, number DESC LIMIT 1 OFFSET {most}

-- name: count
SELECT count(*) FROM (SELECT 1 FROM ({rare}) LIMIT ?)

-- name: rare_column
SELECT number AS run FROM runs WHERE {column} = ?

-- name: rare_term
SELECT run FROM terms WHERE kind = ? AND name = ? AND value BETWEEN ? AND ?

-- name: has_term
EXISTS (SELECT 1 FROM terms WHERE run = number AND kind = ? AND name = ? AND value BETWEEN ? AND ?)

-- name: rare_text
-- The pattern is for the index, which knows no escapes; `instr` has the last word.
SELECT rowid AS run FROM run_texts WHERE text LIKE ? AND instr(lower(text), ?) > 0

-- name: has_text
-- Not by the index, which would be asked anew for each run.
id || char(10) || name || char(10) || workflow LIKE ?
AND instr(lower(id || char(10) || name || char(10) || workflow), ?) > 0

-- name: uses
SELECT runs.id, key, given FROM uses JOIN runs ON number = run WHERE digest = ? ORDER BY run, key, given

-- name: artifacts_of
SELECT digest, given FROM uses WHERE run = ? AND key = ? ORDER BY digest

-- name: ended_counts
SELECT status, sum(count) FROM density WHERE width = 86400 GROUP BY status HAVING sum(count) > 0

-- name: open_counts
SELECT status, count(*) FROM runs INDEXED BY runs_open WHERE ended_at IS NULL GROUP BY status

-- name: ended_cells
SELECT cell / ?2 AS wider, took, status, sum(count) FROM density
WHERE width = ?1 AND cell BETWEEN ?3 AND ?4 AND count > 0 GROUP BY wider, took, status

-- name: ended_runs
SELECT created_at, (SELECT max(place) FROM durations
    WHERE from_s <= max(0.0, ended_at - coalesce(started_at, ended_at))), status, 1
FROM runs WHERE created_at >= ? AND created_at < ? AND ended_at IS NOT NULL

-- name: open_runs
SELECT created_at, -1, status, 1 FROM runs INDEXED BY runs_open
WHERE ended_at IS NULL AND created_at >= ? AND created_at < ?
