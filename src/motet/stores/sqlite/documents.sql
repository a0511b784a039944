-- name: one
SELECT voice, kind, key, body, version, seal FROM documents WHERE voice = ? AND kind = ? AND key = ?

-- name: all
SELECT voice, kind, key, body, version, seal FROM documents WHERE voice = ? AND kind = ? ORDER BY key

-- name: version
SELECT version FROM documents WHERE voice = ? AND kind = ? AND key = ?

-- name: put
INSERT OR REPLACE INTO documents (voice, kind, key, body, version, written_at, seal) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: delete
DELETE FROM documents WHERE voice = ? AND kind = ? AND key = ?

-- name: set_alias
INSERT INTO aliases (voice, name, run) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: alias
SELECT run FROM aliases WHERE voice = ? AND name = ?

-- name: count_on
INSERT INTO sequences (voice, name, number) VALUES (?, ?, 1)
ON CONFLICT (voice, name) DO UPDATE SET number = number + 1

-- name: number
SELECT number FROM sequences WHERE voice = ? AND name = ?
