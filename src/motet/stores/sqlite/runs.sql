-- name: create
INSERT INTO runs (id, name, workflow, program, params, parent, tags, status, after_offset, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (id) DO NOTHING

-- name: columns
id, name, workflow, program, params, status, epoch,
coalesce((SELECT max(last_seq) FROM records WHERE records.run = runs.number), 0),
parent, tags, after_offset, created_at, started_at, ended_at, result, error, owner, lease_until, counts

-- name: one
SELECT {columns} FROM runs WHERE id = ?

-- name: named
SELECT {columns} FROM runs WHERE id = ?1 OR name = ?1 ORDER BY created_at DESC, number DESC

-- name: begun
SELECT {columns} FROM runs WHERE substr(id, 1, length(?1)) = ?1 OR substr(name, 1, length(?1)) = ?1
ORDER BY created_at DESC, number DESC

-- name: newest
SELECT {columns} FROM runs WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR created_at < ?2)
ORDER BY created_at DESC, number DESC LIMIT ?3
