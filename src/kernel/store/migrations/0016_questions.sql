-- Questions to people: a block carries one for its task, or a run asks one and waits for the answer. A task has at most one open.

CREATE TABLE questions (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
    CONSTRAINT questions_id_valid CHECK (id GLOB 'q_*' AND length(id) BETWEEN 3 AND 34 AND substr(id, 3) NOT GLOB '*[^0-9a-f]*'),
  task_id TEXT NOT NULL REFERENCES tasks (id),
  board INTEGER NOT NULL REFERENCES boards (id),
  -- The run that asked, a row of `task_runs`.
  run_id INTEGER,
  -- 1: its task is blocked until the answer; 0: its run goes on and waits.
  blocks INTEGER NOT NULL
    CONSTRAINT questions_blocks_bool CHECK (blocks IN (0, 1)),
  kind TEXT NOT NULL,
  text TEXT NOT NULL
    CONSTRAINT questions_text_not_blank CHECK (trim(text) <> ''),
  choices TEXT
    CONSTRAINT questions_choices_json CHECK (choices IS NULL OR json_valid(choices)),
  default_answer TEXT,
  asked_by TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  deadline_at INTEGER,
  -- When it was reported that the deadline has passed.
  overdue_at INTEGER,
  -- How often the run asked for the answer.
  calls INTEGER NOT NULL DEFAULT 1,
  outcome TEXT NOT NULL DEFAULT 'open'
    CONSTRAINT questions_outcome_valid CHECK (outcome IN ('open', 'answered', 'timed_out', 'withdrawn', 'run_over')),
  ended_at INTEGER
    CONSTRAINT questions_end_matches_outcome CHECK ((ended_at IS NULL) = (outcome = 'open')),
  answer TEXT
    CONSTRAINT questions_answer_matches_outcome CHECK ((answer IS NULL) = (outcome <> 'answered')),
  answer_source TEXT
    CONSTRAINT questions_answer_source_valid CHECK (answer_source IS NULL OR answer_source IN ('person', 'worker', 'default')),
  answered_by TEXT
) STRICT;
CREATE UNIQUE INDEX idx_questions_open ON questions (task_id) WHERE outcome = 'open';
CREATE INDEX idx_questions_open_of_board ON questions (board, asked_at) WHERE outcome = 'open';
CREATE INDEX idx_questions_deadline ON questions (deadline_at)
  WHERE outcome = 'open' AND deadline_at IS NOT NULL AND overdue_at IS NULL;
CREATE INDEX idx_questions_task ON questions (task_id, seq);

-- What the block that ended a run needed.
ALTER TABLE task_runs ADD COLUMN block_kind TEXT;
-- Runs that ended with a block of one kind in a row, without an answer by a person between them.
ALTER TABLE tasks ADD COLUMN blocks_in_a_row INTEGER NOT NULL DEFAULT 0;
CREATE INDEX idx_tasks_block_loops ON tasks (board, blocks_in_a_row) WHERE blocks_in_a_row >= 3;
