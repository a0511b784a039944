-- Version 3: a checksum for each row that a result may come from; NULL for rows that an earlier version wrote.
-- What it covers stands in `sqlite/seals.py`.
ALTER TABLE records ADD COLUMN seal INTEGER;
ALTER TABLE runs ADD COLUMN seal INTEGER;
ALTER TABLE runs ADD COLUMN outcome_seal INTEGER;
ALTER TABLE steps ADD COLUMN seal INTEGER;
ALTER TABLE checkpoints ADD COLUMN seal INTEGER;
ALTER TABLE documents ADD COLUMN seal INTEGER;
