-- What is handed over beside words: files that somebody attached to a task (their bytes lie beside the database, under
-- their hash), files that a run declared as its results, and the tasks that it says it created.

CREATE TABLE task_attachments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  filename TEXT NOT NULL
    CONSTRAINT attachments_filename_plain CHECK (filename <> '' AND instr(filename, '/') = 0),
  size_bytes INTEGER NOT NULL
    CONSTRAINT attachments_size_not_negative CHECK (size_bytes >= 0),
  sha256 TEXT NOT NULL
    CONSTRAINT attachments_sha256_hex CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  uploaded_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
-- Within a task a name stands for one file.
CREATE UNIQUE INDEX idx_attachments_filename ON task_attachments (task_id, filename);

ALTER TABLE task_runs ADD COLUMN artifacts TEXT
  CONSTRAINT runs_artifacts_json CHECK (artifacts IS NULL OR json_valid(artifacts));
ALTER TABLE task_runs ADD COLUMN created_cards TEXT
  CONSTRAINT runs_created_cards_json CHECK (created_cards IS NULL OR json_valid(created_cards));
