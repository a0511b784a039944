-- name: light_columns
key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached, needs, size, done, error

-- name: head
SELECT number, folded_seq, coalesce((SELECT max(last_seq) FROM records WHERE records.run = runs.number), 0)
FROM runs WHERE id = ?

-- name: window
SELECT number, run, {light_columns}, NULL, NULL FROM steps WHERE run = ?1 AND number > ?2 AND {conditions} ORDER BY number LIMIT ?5

-- name: has_text
number IN (
    SELECT number FROM steps INDEXED BY steps_by_key WHERE run = ?1 AND key LIKE ?3 AND instr(lower(key), ?4) > 0
    UNION ALL
    SELECT number FROM steps INDEXED BY steps_by_name WHERE run = ?1 AND name <> '' AND name LIKE ?3
        AND instr(lower(name), ?4) > 0)

-- name: tasks
SELECT task, status, count(*) FROM steps INDEXED BY steps_by_task WHERE run = ? GROUP BY task, status ORDER BY task

-- name: events_of
SELECT body, last_seq, count, seal FROM records WHERE run = ? AND instr(body, ?) > 0 ORDER BY last_seq

-- name: last_end
SELECT max(ended_at) FROM steps WHERE run = ? AND key IN (SELECT value FROM json_each(?))
