-- Notifications: where they go, who wants which, and what is still to be sent. Times of the outbox are in milliseconds: waiting and
-- leasing is finer than a second.

-- A place that messages go to. Whether its channel exists is for the configuration to say.
CREATE TABLE routes (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  thread TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  refusals INTEGER NOT NULL DEFAULT 0,
  broken_since INTEGER,
  reason TEXT,
  paused_until_ms INTEGER NOT NULL DEFAULT 0,
  minute INTEGER NOT NULL DEFAULT 0,
  minute_count INTEGER NOT NULL DEFAULT 0,
  UNIQUE (channel, address, thread)
) STRICT;

INSERT INTO routes (channel, address, thread, created_at)
  SELECT platform, chat_id, thread_id, min(created_at) FROM kanban_notify_subs GROUP BY platform, chat_id, thread_id;

-- What a channel as a whole cannot do at the moment.
CREATE TABLE channel_states (
  channel TEXT PRIMARY KEY NOT NULL,
  broken_since INTEGER,
  code TEXT,
  reason TEXT,
  paused_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Subscriptions of one task are rows of `kanban_notify_subs`; these here are those of many: by board, assignee, tenant, label.
ALTER TABLE kanban_notify_subs ADD COLUMN level TEXT NOT NULL DEFAULT 'normal'
  CONSTRAINT subs_level_valid CHECK (level IN ('quiet', 'normal', 'verbose'));
ALTER TABLE kanban_notify_subs ADD COLUMN kinds TEXT
  CONSTRAINT subs_kinds_json CHECK (kinds IS NULL OR json_valid(kinds));
ALTER TABLE kanban_notify_subs ADD COLUMN person TEXT;
ALTER TABLE kanban_notify_subs ADD COLUMN created_by TEXT;

CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route_id INTEGER NOT NULL REFERENCES routes (id),
  board INTEGER REFERENCES boards (id),
  assignee TEXT,
  tenant TEXT,
  label TEXT,
  kinds TEXT
    CONSTRAINT subscriptions_kinds_json CHECK (kinds IS NULL OR json_valid(kinds)),
  level TEXT NOT NULL DEFAULT 'quiet'
    CONSTRAINT subscriptions_level_valid CHECK (level IN ('quiet', 'normal', 'verbose')),
  person TEXT,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  from_event_id INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_subscriptions_route ON subscriptions (route_id);

-- One row per route and event, written in the transaction of the event.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route_id INTEGER NOT NULL REFERENCES routes (id),
  task_id TEXT REFERENCES tasks (id),
  event_id INTEGER,
  notice_key TEXT,
  class TEXT NOT NULL
    CONSTRAINT outbox_class_valid CHECK (class IN ('ask', 'news', 'digest', 'test')),
  message TEXT NOT NULL
    CONSTRAINT outbox_message_json CHECK (json_valid(message)),
  dedupe TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting'
    CONSTRAINT outbox_state_valid CHECK (state IN ('waiting', 'leased', 'sent', 'dead', 'folded', 'superseded')),
  lease TEXT,
  lease_until_ms INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  maybe_sent INTEGER NOT NULL DEFAULT 0
    CONSTRAINT outbox_maybe_sent_bool CHECK (maybe_sent IN (0, 1)),
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  code TEXT,
  error TEXT,
  provider_id TEXT,
  created_at INTEGER NOT NULL,
  done_at INTEGER,
  folded_into INTEGER,
  CONSTRAINT outbox_leased_has_lease CHECK ((state = 'leased') = (lease IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX idx_outbox_dedupe ON outbox (dedupe);
CREATE UNIQUE INDEX idx_outbox_event ON outbox (route_id, event_id) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX idx_outbox_notice ON outbox (route_id, notice_key) WHERE notice_key IS NOT NULL;
CREATE INDEX idx_outbox_open ON outbox (route_id, id) WHERE state IN ('waiting', 'leased');
CREATE INDEX idx_outbox_leased ON outbox (lease_until_ms) WHERE state = 'leased';
CREATE INDEX idx_outbox_dead ON outbox (route_id, id) WHERE state = 'dead';
CREATE INDEX idx_outbox_task ON outbox (task_id, id) WHERE task_id IS NOT NULL;
CREATE INDEX idx_outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Messages that were sent and may be changed: the live one of a task, and what asks for something.
CREATE TABLE chat_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route_id INTEGER NOT NULL REFERENCES routes (id),
  task_id TEXT NOT NULL REFERENCES tasks (id),
  role TEXT NOT NULL
    CONSTRAINT chat_messages_role_valid CHECK (role IN ('live', 'ask', 'news')),
  provider_id TEXT,
  event_id INTEGER,
  is_open INTEGER NOT NULL DEFAULT 0
    CONSTRAINT chat_messages_open_bool CHECK (is_open IN (0, 1)),
  is_wanted INTEGER NOT NULL DEFAULT 0
    CONSTRAINT chat_messages_wanted_bool CHECK (is_wanted IN (0, 1)),
  ending TEXT,
  shown TEXT,
  edit_after_ms INTEGER NOT NULL DEFAULT 0,
  lease TEXT,
  lease_until_ms INTEGER,
  leased_text TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  reminders INTEGER NOT NULL DEFAULT 0,
  remind_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX idx_chat_messages_provider ON chat_messages (route_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE UNIQUE INDEX idx_chat_messages_live ON chat_messages (route_id, task_id) WHERE role = 'live';
CREATE INDEX idx_chat_messages_task ON chat_messages (task_id, role);
CREATE INDEX idx_chat_messages_wanted ON chat_messages (edit_after_ms) WHERE is_wanted = 1;
CREATE INDEX idx_chat_messages_remind ON chat_messages (remind_at_ms) WHERE remind_at_ms IS NOT NULL;
CREATE INDEX idx_chat_messages_leased ON chat_messages (lease_until_ms) WHERE lease IS NOT NULL;
