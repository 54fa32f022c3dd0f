//! Keys of profiles about what a worker is kept from.

use super::key::{Key, Kind};

pub(super) const NO_NEW_PRIVS: Key = Key {
    name: "no_new_privs",
    kind: Kind::Bool,
    default: None,
    example: Some("false"),
    unit: None,
    doc: "Set no_new_privs for the workers: set-user-id programs and file capabilities (sudo, su, newuidmap for podman) give \
     them no other rights. Default: `true` where the workers' user is not the daemon's, else `false`.",
};

pub(super) const PRIVATE_TMP: Key = Key {
    name: "private_tmp",
    kind: Kind::Bool,
    default: None,
    example: Some("false"),
    unit: None,
    doc: "Give each run a /tmp and a /var/tmp of its own, in memory and gone with the run, and a /proc that hides the processes of \
         other users (default: `true`). Only with `supervision.holder`; `kanban doctor` shows what this host cannot do. While it is on, \
         a task of the profile cannot work in a directory below /tmp or /var/tmp.",
};

pub(super) const PRIVATE_TMP_MAX: Key = Key {
    name: "private_tmp_max",
    kind: Kind::Size { min_bytes: 1024 * 1024 },
    default: Some("\"2G\""),
    example: None,
    unit: None,
    doc: "Maximum size of a run's own /tmp and /var/tmp together (`private_tmp` of its profile). What is written there is memory, \
         and counts towards `memory_max`. Applies from the next start of a worker.",
};

pub(super) const LANDLOCK_WRITE: Key = Key {
    name: "landlock_write",
    kind: Kind::TextList,
    default: None,
    example: Some("[\"~/.claude\", \"~/.cache\"]"),
    unit: None,
    doc: "Let the workers write nowhere but below these paths (absolute, or `~/` for their home), their workspace, the repository of \
         a worktree, /tmp, /var/tmp and /dev (Landlock, Linux 5.13); a path that is missing at the start is left out. For a repository \
         that is a linked worktree, or that is named by a subdirectory, add its git directory. Sets no_new_privs. Nothing can be \
         mounted in it, so bubblewrap, rootless containers and the sandboxes that agents bring along do not work.",
};
