-- People who are in no configuration: each entered when they first assigned a task to themselves. Nothing is started for them.

CREATE TABLE people (
  name TEXT PRIMARY KEY NOT NULL CONSTRAINT people_name CHECK (length(name) > 0),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
