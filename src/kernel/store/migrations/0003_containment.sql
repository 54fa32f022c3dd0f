-- What held the processes of a run together, which of its limits nothing enforced, and what its control group counted.

ALTER TABLE task_runs ADD COLUMN containment TEXT;
ALTER TABLE task_runs ADD COLUMN not_enforced TEXT;
ALTER TABLE task_runs ADD COLUMN memory_peak_bytes INTEGER;
ALTER TABLE task_runs ADD COLUMN oom_kills INTEGER;
