-- Version 4: what windows of a run's steps read.

-- In the order in which steps were added, with the text that they are found by; and each task's in that order.
CREATE INDEX steps_in_order ON steps (run, number, key, name);
CREATE INDEX steps_in_task ON steps (run, task);
DROP INDEX steps_by_name;

-- In which records a step, by its number, became something else. Folding brings it up to date with the steps, so runs
-- that were folded without it are folded again.
CREATE TABLE changes (
    step     INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (step, last_seq)
) WITHOUT ROWID;
UPDATE runs SET folded_seq = 0 WHERE folded_seq > 0;
