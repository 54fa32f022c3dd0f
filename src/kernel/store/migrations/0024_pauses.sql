-- Boards and profiles of which nothing is started until they are resumed.
ALTER TABLE boards ADD COLUMN paused_at INTEGER;
ALTER TABLE boards ADD COLUMN paused_by TEXT;
CREATE TABLE paused_profiles (
  profile TEXT PRIMARY KEY NOT NULL,
  paused_at INTEGER NOT NULL,
  paused_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
