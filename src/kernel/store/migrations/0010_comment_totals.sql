-- How many comments a task has, and how many bytes they have, up to and including this one: so that a limit costs one look at the
-- newest. NULL where nobody has counted: the next comment does.

ALTER TABLE task_comments ADD COLUMN total_count INTEGER;
ALTER TABLE task_comments ADD COLUMN total_bytes INTEGER;
