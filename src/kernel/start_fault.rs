//! Who is to blame for a start that failed: the host, the profile, the workspace, or the task. A pure rule over the step that
//! failed and the kernel's error number.
//!
//! The step decides in most cases: the daemon's own files, its supervisors and its control groups are the host's whatever the
//! error number says, a repository that is none is the workspace's. The error number decides where a step can fail for either
//! reason: a program that is missing is the profile's fault, one that cannot be loaded for lack of memory is the host's.

use serde::{Deserialize, Serialize};

/// Where on its way a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedStep {
    /// Writing the files that the daemon keeps for the run: its directory, its log, its token, its scratch directory.
    RunFiles,
    /// Starting the shim of the run, by the daemon itself or by the holder.
    Supervisor,
    /// Making or entering the control groups.
    Containment,
    /// Making the worker's process.
    Fork,
    /// Drawing random words for the run.
    Randomness,
    /// Asking the user database for the worker's user.
    UserLookUp,
    /// Becoming the worker's user: it does not exist, is not allowed, or the daemon may not start workers for it.
    User,
    /// Setting the limits of the profile.
    Limits,
    /// Reading from the configuration what the profile runs.
    Profile,
    /// Entering the working directory that the profile names.
    ProfileDirectory,
    /// Finding or executing the program.
    Program,
    /// Opening, making or entering the directory that the task names.
    Workspace,
    /// Making the workspace by a command, such as a worktree by git.
    Setup,
    /// Executing such a command, which is this installation's own program, or losing it.
    SetupHost,
    /// Giving the agent what the task asks for.
    Task,
}

impl FailedStep {
    /// Whether the host had brought a supervisor to life by then, which speaks for the host. A workspace may be refused before.
    pub fn is_after_supervisor(self) -> bool {
        match self {
            Self::Limits | Self::ProfileDirectory | Self::Program | Self::Setup => true,
            Self::RunFiles
            | Self::Supervisor
            | Self::Containment
            | Self::Fork
            | Self::Randomness
            | Self::UserLookUp
            | Self::User
            | Self::Profile
            | Self::SetupHost
            | Self::Workspace
            | Self::Task => false,
        }
    }
}

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// This host: no other start would have come further. Charges neither task nor profile.
    Host,
    /// The profile of the task.
    Profile,
    /// The directory or repository that the task works in.
    Workspace,
    /// The task itself.
    Task,
}

/// Error numbers that tell of something that every start needs and this host does not have now, whatever the step was.
const SCARCITY: [i32; 8] = [
    11,  // EAGAIN: no more processes (RLIMIT_NPROC, pids.max, threads-max)
    12,  // ENOMEM
    23,  // ENFILE
    24,  // EMFILE
    28,  // ENOSPC
    105, // ENOBUFS
    112, // EHOSTDOWN: nothing starts supervisors
    122, // EDQUOT
];

/// Error numbers of a disk that fails. In a directory of the task's they tell of that disk, elsewhere of the host's.
const DISK: [i32; 6] = [
    5,   // EIO
    6,   // ENXIO
    19,  // ENODEV
    30,  // EROFS
    116, // ESTALE
    117, // EUCLEAN
];

/// Who is to blame for a start that failed at `step` with `errno` (none when the kernel gave no number).
pub fn blame(step: FailedStep, errno: Option<i32>) -> Blame {
    let is_any_of = |numbers: &[i32]| errno.is_some_and(|errno| numbers.contains(&errno));
    let (is_scarce, is_disk) = (is_any_of(&SCARCITY), is_any_of(&DISK));
    match step {
        FailedStep::RunFiles
        | FailedStep::Supervisor
        | FailedStep::Containment
        | FailedStep::Fork
        | FailedStep::Randomness
        | FailedStep::UserLookUp
        | FailedStep::SetupHost => Blame::Host,
        FailedStep::User
        | FailedStep::Limits
        | FailedStep::Profile
        | FailedStep::ProfileDirectory
            if is_scarce =>
        {
            Blame::Host
        }
        FailedStep::Program if is_scarce || is_disk => Blame::Host,
        FailedStep::User
        | FailedStep::Limits
        | FailedStep::Profile
        | FailedStep::ProfileDirectory
        | FailedStep::Program => Blame::Profile,
        FailedStep::Workspace | FailedStep::Setup if is_scarce => Blame::Host,
        FailedStep::Workspace | FailedStep::Setup => Blame::Workspace,
        FailedStep::Task => Blame::Task,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [FailedStep; 15] = [
        FailedStep::RunFiles,
        FailedStep::Supervisor,
        FailedStep::Containment,
        FailedStep::Fork,
        FailedStep::Randomness,
        FailedStep::UserLookUp,
        FailedStep::User,
        FailedStep::Limits,
        FailedStep::Profile,
        FailedStep::ProfileDirectory,
        FailedStep::Program,
        FailedStep::Workspace,
        FailedStep::Setup,
        FailedStep::SetupHost,
        FailedStep::Task,
    ];

    /// One letter per step of `STEPS`: host, profile, workspace, task.
    const TABLE: [(&str, Option<i32>, &str); 25] = [
        ("no number", None, "hhhhhhpppppwwht"),
        ("EPERM", Some(1), "hhhhhhpppppwwht"),
        ("ENOENT", Some(2), "hhhhhhpppppwwht"),
        ("EIO", Some(5), "hhhhhhpppphwwht"),
        ("ENXIO", Some(6), "hhhhhhpppphwwht"),
        ("E2BIG", Some(7), "hhhhhhpppppwwht"),
        ("ENOEXEC", Some(8), "hhhhhhpppppwwht"),
        ("EAGAIN", Some(11), "hhhhhhhhhhhhhht"),
        ("ENOMEM", Some(12), "hhhhhhhhhhhhhht"),
        ("EACCES", Some(13), "hhhhhhpppppwwht"),
        ("EEXIST", Some(17), "hhhhhhpppppwwht"),
        ("ENODEV", Some(19), "hhhhhhpppphwwht"),
        ("ENOTDIR", Some(20), "hhhhhhpppppwwht"),
        ("EINVAL", Some(22), "hhhhhhpppppwwht"),
        ("ENFILE", Some(23), "hhhhhhhhhhhhhht"),
        ("EMFILE", Some(24), "hhhhhhhhhhhhhht"),
        ("ETXTBSY", Some(26), "hhhhhhpppppwwht"),
        ("ENOSPC", Some(28), "hhhhhhhhhhhhhht"),
        ("EROFS", Some(30), "hhhhhhpppphwwht"),
        ("ENOBUFS", Some(105), "hhhhhhhhhhhhhht"),
        ("ETIMEDOUT", Some(110), "hhhhhhpppppwwht"),
        ("EHOSTDOWN", Some(112), "hhhhhhhhhhhhhht"),
        ("ESTALE", Some(116), "hhhhhhpppphwwht"),
        ("EUCLEAN", Some(117), "hhhhhhpppphwwht"),
        ("EDQUOT", Some(122), "hhhhhhhhhhhhhht"),
    ];

    #[test]
    fn every_error_of_every_step_has_the_one_to_blame_that_the_table_says() {
        for (name, errno, row) in TABLE {
            let found: String = STEPS
                .iter()
                .map(|step| match blame(*step, errno) {
                    Blame::Host => 'h',
                    Blame::Profile => 'p',
                    Blame::Workspace => 'w',
                    Blame::Task => 't',
                })
                .collect();
            assert_eq!(found, row, "{name}: one letter each for {STEPS:?}");
        }
    }
}
