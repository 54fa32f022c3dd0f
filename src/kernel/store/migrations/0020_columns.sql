-- The columns of a board in the order in which people look at them: what is scheduled by its start, triage by arrival.
-- Each index has the tasks of one column only.
CREATE INDEX idx_tasks_scheduled ON tasks (board, start_at) WHERE status = 'scheduled';
CREATE INDEX idx_tasks_triage ON tasks (board) WHERE status = 'triage';

-- What happened by the hour, per board and profile ('' = none): moved in the transactions that open and close runs. Buckets: tasks by
-- time up to 10 s, 1, 5, 15 and 30 min, 1, 3 and 8 h, a day, more. Waiting times are known from this release on.
CREATE TABLE history (
  board INTEGER NOT NULL REFERENCES boards (id),
  profile TEXT NOT NULL,
  hour INTEGER NOT NULL,
  started INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  crashed INTEGER NOT NULL DEFAULT 0,
  oom INTEGER NOT NULL DEFAULT 0,
  timed_out INTEGER NOT NULL DEFAULT 0,
  spawn_failed INTEGER NOT NULL DEFAULT 0,
  protocol_violation INTEGER NOT NULL DEFAULT 0,
  rate_limited INTEGER NOT NULL DEFAULT 0,
  stopped INTEGER NOT NULL DEFAULT 0,
  reclaimed INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  gave_up INTEGER NOT NULL DEFAULT 0,
  queue_seconds INTEGER NOT NULL DEFAULT 0,
  cycle_seconds INTEGER NOT NULL DEFAULT 0,
  slot_seconds INTEGER NOT NULL DEFAULT 0,
  queue_0 INTEGER NOT NULL DEFAULT 0,
  queue_1 INTEGER NOT NULL DEFAULT 0,
  queue_2 INTEGER NOT NULL DEFAULT 0,
  queue_3 INTEGER NOT NULL DEFAULT 0,
  queue_4 INTEGER NOT NULL DEFAULT 0,
  queue_5 INTEGER NOT NULL DEFAULT 0,
  queue_6 INTEGER NOT NULL DEFAULT 0,
  queue_7 INTEGER NOT NULL DEFAULT 0,
  queue_8 INTEGER NOT NULL DEFAULT 0,
  queue_9 INTEGER NOT NULL DEFAULT 0,
  cycle_0 INTEGER NOT NULL DEFAULT 0,
  cycle_1 INTEGER NOT NULL DEFAULT 0,
  cycle_2 INTEGER NOT NULL DEFAULT 0,
  cycle_3 INTEGER NOT NULL DEFAULT 0,
  cycle_4 INTEGER NOT NULL DEFAULT 0,
  cycle_5 INTEGER NOT NULL DEFAULT 0,
  cycle_6 INTEGER NOT NULL DEFAULT 0,
  cycle_7 INTEGER NOT NULL DEFAULT 0,
  cycle_8 INTEGER NOT NULL DEFAULT 0,
  cycle_9 INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (board, profile, hour)
) STRICT, WITHOUT ROWID;

INSERT INTO history (board, profile, hour, started)
  SELECT t.board, coalesce(r.profile, ''), r.started_at - r.started_at % 3600, count(*)
  FROM task_runs r JOIN tasks t ON t.id = r.task_id WHERE r.started_at >= 0 AND (r.supervised OR r.closed_at IS NOT r.started_at)
  GROUP BY t.board, coalesce(r.profile, ''), r.started_at - r.started_at % 3600;

INSERT INTO history (board, profile, hour, completed, blocked, crashed, oom, timed_out, spawn_failed, protocol_violation,
                     rate_limited, stopped, reclaimed, lost, gave_up, cycle_seconds, slot_seconds,
                     cycle_0, cycle_1, cycle_2, cycle_3, cycle_4, cycle_5, cycle_6, cycle_7, cycle_8, cycle_9)
  SELECT board, profile, hour, sum(outcome = 'completed'), sum(outcome = 'blocked'), sum(outcome = 'crashed'),
    sum(outcome = 'oom'), sum(outcome = 'timed_out'), sum(outcome = 'spawn_failed'), sum(outcome = 'protocol_violation'),
    sum(outcome = 'rate_limited'), sum(outcome = 'stopped'), sum(outcome = 'reclaimed'), sum(outcome = 'lost'),
    sum(outcome = 'gave_up'), sum(coalesce(cycle, 0)), sum(slot),
    count(*) FILTER (WHERE cycle < 10), count(*) FILTER (WHERE cycle >= 10 AND cycle < 60),
    count(*) FILTER (WHERE cycle >= 60 AND cycle < 300), count(*) FILTER (WHERE cycle >= 300 AND cycle < 900),
    count(*) FILTER (WHERE cycle >= 900 AND cycle < 1800), count(*) FILTER (WHERE cycle >= 1800 AND cycle < 3600),
    count(*) FILTER (WHERE cycle >= 3600 AND cycle < 10800), count(*) FILTER (WHERE cycle >= 10800 AND cycle < 28800),
    count(*) FILTER (WHERE cycle >= 28800 AND cycle < 86400), count(*) FILTER (WHERE cycle >= 86400)
  FROM (SELECT t.board AS board, coalesce(r.profile, '') AS profile, r.closed_at - r.closed_at % 3600 AS hour,
               coalesce(r.outcome, '') AS outcome,
               CASE WHEN r.outcome = 'completed' THEN max(0, r.ended_at - min(r.started_at, coalesce(t.started_at, r.started_at))) END AS cycle,
               CASE WHEN r.supervised THEN max(0, r.closed_at - r.started_at) ELSE 0 END AS slot
        FROM task_runs r JOIN tasks t ON t.id = r.task_id WHERE r.closed_at >= 0)
  WHERE true
  GROUP BY board, profile, hour
  ON CONFLICT (board, profile, hour) DO UPDATE SET
    completed = excluded.completed, blocked = excluded.blocked, crashed = excluded.crashed, oom = excluded.oom,
    timed_out = excluded.timed_out, spawn_failed = excluded.spawn_failed, protocol_violation = excluded.protocol_violation,
    rate_limited = excluded.rate_limited, stopped = excluded.stopped, reclaimed = excluded.reclaimed, lost = excluded.lost,
    gave_up = excluded.gave_up, cycle_seconds = excluded.cycle_seconds, slot_seconds = excluded.slot_seconds,
    cycle_0 = excluded.cycle_0, cycle_1 = excluded.cycle_1, cycle_2 = excluded.cycle_2, cycle_3 = excluded.cycle_3,
    cycle_4 = excluded.cycle_4, cycle_5 = excluded.cycle_5, cycle_6 = excluded.cycle_6, cycle_7 = excluded.cycle_7,
    cycle_8 = excluded.cycle_8, cycle_9 = excluded.cycle_9;
