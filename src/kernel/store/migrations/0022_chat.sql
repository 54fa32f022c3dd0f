-- People who write in chats: who they are, what they did there, and what stands behind the buttons that they press.

-- Who a user of a channel is. Names at a provider can be chosen and changed; its ids cannot.
CREATE TABLE chat_people (
  channel TEXT NOT NULL,
  user_id TEXT NOT NULL,
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (channel, user_id)
) STRICT, WITHOUT ROWID;

-- What was done in chats and answered, by the provider's id: written in the transaction that acts, so that a repeat acts once.
CREATE TABLE inbound (
  channel TEXT NOT NULL,
  event_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  address TEXT NOT NULL,
  reply TEXT NOT NULL
    CONSTRAINT inbound_reply_json CHECK (json_valid(reply)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (channel, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_inbound_user ON inbound (channel, user_id, created_at);
CREATE INDEX idx_inbound_created ON inbound (created_at);

-- How far each channel has been read, of those whose provider does not keep it.
CREATE TABLE chat_cursors (
  channel TEXT PRIMARY KEY NOT NULL,
  cursor TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a button does, what waits for a confirmation, what is expected as the next text of a person.
CREATE TABLE chat_tokens (
  token TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL
    CONSTRAINT chat_tokens_kind_valid CHECK (kind IN ('button', 'confirm', 'expect')),
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  user_id TEXT,
  word TEXT,
  task_id TEXT REFERENCES tasks (id),
  action TEXT NOT NULL
    CONSTRAINT chat_tokens_action_json CHECK (json_valid(action)),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  used_by TEXT,
  used_event TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_chat_tokens_person ON chat_tokens (channel, address, kind, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idx_chat_tokens_task ON chat_tokens (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX idx_chat_tokens_expires ON chat_tokens (expires_at);

-- The question that a message asks: a reply to it is that question's answer.
ALTER TABLE chat_messages ADD COLUMN question_id TEXT;

-- A reply names the message by the provider's id.
CREATE INDEX idx_outbox_provider ON outbox (route_id, provider_id) WHERE provider_id IS NOT NULL;
