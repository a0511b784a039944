-- name: light_columns
key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached, needs, size, done, error

-- name: head
SELECT number, folded_seq, coalesce((SELECT max(last_seq) FROM records WHERE records.run = runs.number AND last_seq < 9e18), 0)
FROM runs WHERE id = ?

-- name: window
-- Each index that is named here has the steps that it finds in order.
SELECT number, run, {light_columns}, NULL, NULL FROM steps INDEXED BY {index}
WHERE run = ? AND number > ? AND {conditions} ORDER BY number LIMIT ?

-- name: count
SELECT count(*) FROM (SELECT 1 FROM steps INDEXED BY {index} WHERE run = ? AND {conditions} LIMIT ?)

-- name: has_text
(key LIKE ? AND instr(lower(key), ?) > 0 OR name LIKE ? AND instr(lower(name), ?) > 0)

-- name: tasks
SELECT task, status, count(*) FROM steps INDEXED BY steps_by_task WHERE run = ? GROUP BY task, status ORDER BY task

-- name: events_of
-- The records in which the step changed, and of those that are not folded yet all that may tell of it.
SELECT body, last_seq, count, seal FROM records WHERE run = ?1 AND last_seq IN (
    SELECT last_seq FROM changes WHERE step = (SELECT number FROM steps WHERE run = ?1 AND key = ?2))
UNION ALL
SELECT body, last_seq, count, seal FROM records WHERE run = ?1 AND last_seq > ?3 AND instr(body, ?4) > 0
ORDER BY last_seq

-- name: last_end
SELECT max(ended_at) FROM steps WHERE run = ? AND key IN (SELECT value FROM json_each(?))
