-- name: claimed
UPDATE runs SET epoch = ?, owner = ?, lease_until = ? WHERE id = ?

-- name: renew
UPDATE runs SET lease_until = ? WHERE id = ? AND owner IS NOT NULL

-- name: release
UPDATE runs SET owner = NULL, lease_until = NULL WHERE id = ? AND epoch = ?

-- name: epoch
SELECT epoch FROM runs WHERE id = ?

-- name: place
SELECT epoch, coalesce((SELECT max(last_seq) FROM records WHERE run = number AND last_seq < 9e18), 0) FROM runs WHERE id = ?

-- name: append
-- The fence is part of the insertion: where it does not hold, `run` becomes NULL, which the table refuses.
-- (As INSERT ... SELECT it would take a temporary table, since it reads the table that it writes.)
INSERT INTO records (last_offset, count, run, last_seq, body, steps, counts, seal) VALUES (
    (SELECT coalesce(max(last_offset), 0) FROM records) + ?1, ?1,
    (SELECT number FROM runs WHERE id = ?2 AND epoch = ?3
        AND coalesce((SELECT max(last_seq) FROM records WHERE run = number AND last_seq < 9e18), 0) = ?4),
    ?4 + ?1, ?5, ?6, ?7, ?8)

-- name: records_after
SELECT last_seq, count, body, seal FROM records
WHERE run = (SELECT number FROM runs WHERE id = ?) AND last_seq > ? ORDER BY last_seq LIMIT 500

-- name: save_checkpoint
INSERT OR REPLACE INTO checkpoints (run, seq, state, seal) VALUES ((SELECT number FROM runs WHERE id = ?), ?, ?, ?)

-- name: load_checkpoint
SELECT seq, state, seal FROM checkpoints WHERE run = (SELECT number FROM runs WHERE id = ?)

-- name: put_use
INSERT OR IGNORE INTO uses (digest, run, key, given) VALUES (?, (SELECT number FROM runs WHERE id = ?), ?, ?)
