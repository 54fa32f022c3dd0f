//! From the spec to a started worker, or to the one line that says why there is none.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::resource::Resource;
use nix::sys::stat::Mode;

use crate::os::control_groups::leaf::{Leaf, enter, is_in};
use crate::os::failure::errno_of;
use crate::os::processes::fork_exec::{
    ExecFailure, ExecPlan, ExecStep, Forked, WorkerStdio, fork_exec,
};
use crate::os::processes::user::{RunAs, with_file_rights_of};
use crate::os::run_files::directory::{LogSpec, RunSpec, StartFailure, StartPart, StartStep};
use crate::os::run_files::log::{Moment, RunLogWriter};
use crate::shim::stdio::{self, Stdio};
use crate::shim::work_directory;

/// Where a program without a slash is looked for when the worker's environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// File mode mask of a worker whose spec names none.
const DEFAULT_UMASK: u32 = 0o022;

/// A worker that executes its program.
#[derive(Debug)]
pub struct StartedWorker {
    /// Its PID; it is this process's child and not reaped.
    pub pid: i32,
    /// Its start time, as it told it; `/proc` may hide it by now.
    pub start_ticks: Option<u64>,
    /// Reading end of the pipe on its standard output, and error where that has none of its own. Never blocks.
    pub output: OwnedFd,
    /// Its log, opened.
    pub log: RunLogWriter,
    /// The same for its standard error, where that is kept apart.
    pub errors: Option<(OwnedFd, RunLogWriter)>,
}

/// Starts the worker of `spec`. Its output is appended to `log` when a set-up command has opened it.
///
/// # Errors
/// What could not be done; then nothing runs.
pub fn start(
    spec: &RunSpec,
    run_as: Option<&RunAs>,
    log: Option<RunLogWriter>,
) -> Result<StartedWorker, StartFailure> {
    let mut plan = plan(spec, run_as)?;
    // Open until the worker has entered it.
    let workspace = as_worker(run_as, || work_directory::open_workspace(spec, plan.umask))??;
    match (&workspace, &spec.workspace) {
        (Some(open), Some(workspace)) if workspace.path == spec.cwd => {
            plan.cwd = c_string(
                StartStep::Workspace,
                "the working directory",
                open.path().as_os_str().as_bytes(),
            )?;
        }
        _ => as_worker(run_as, || make_working_directory(spec, plan.umask))??,
    }
    let log = match log {
        Some(begun) => begun,
        None => open_run_log(spec)?,
    };
    let error_log = spec.stdio.as_ref().map(|stdio| open_log(&stdio.errors)).transpose()?;
    let at_fork =
        |error: &io::Error| failure_of(StartStep::Fork, error, "cannot create the worker process");
    let Stdio { input, output, worker_end, errors } =
        stdio::open(spec.stdio.as_ref(), run_as).map_err(|error| at_fork(&error))?;
    let errors_end = errors.as_ref().map_or(&worker_end, |errors| &errors.worker_end);
    let stdio = WorkerStdio {
        input: input.as_fd(),
        output: worker_end.as_fd(),
        errors: errors_end.as_fd(),
    };
    let leaf = enter_groups(spec)?;
    let Forked { pid, start_ticks } = fork_exec(&plan, stdio, leaf.as_ref().map(AsFd::as_fd))
        .map_err(|failure| report(failure, spec, &plan))?;
    let errors = errors.map(|errors| errors.output).zip(error_log);
    Ok(StartedWorker { pid, start_ticks, output, log, errors })
}

/// The log of a worker is read by people, who ask when something was written; what a command prints is read once and removed.
fn open_run_log(spec: &RunSpec) -> Result<RunLogWriter, StartFailure> {
    let mut log = open_log(&spec.log)?;
    if spec.stdio.is_none() {
        log.keep_times(Moment::now());
    }
    Ok(log)
}

fn open_log(spec: &LogSpec) -> Result<RunLogWriter, StartFailure> {
    RunLogWriter::open(&spec.path, spec.head_bytes, spec.tail_bytes).map_err(|error| {
        let what = format!("cannot open the log `{}`", spec.path.display());
        failure_of(StartStep::Log, &error, &what)
    })
}

/// Puts the shim into the group of the shims, where the daemon has not started it there already, and opens the worker's leaf.
pub fn enter_groups(spec: &RunSpec) -> Result<Option<OwnedFd>, StartFailure> {
    let Some(groups) = &spec.containment else { return Ok(None) };
    let failed = |error: &io::Error, path: &Path| {
        let what = format!("cannot access control group `{}`", path.display());
        failure_of(StartStep::Containment, error, &what)
    };
    if !is_in(&groups.shims) {
        enter(&groups.shims).map_err(|error| failed(&error, &groups.shims))?;
    }
    let leaf = Leaf::new(&groups.leaf);
    leaf.open().map(Some).map_err(|error| failed(&error, leaf.path()))
}

/// Does something to files as the worker would.
fn as_worker<T>(run_as: Option<&RunAs>, act: impl FnOnce() -> T) -> Result<T, StartFailure> {
    let Some(who) = run_as else { return Ok(act()) };
    with_file_rights_of(who, act).map_err(|error| {
        let what = format!("cannot switch to user {}", who.uid);
        let part = Some(StartPart::User);
        StartFailure { part, ..failure_of(StartStep::Limits, &error, &what) }
    })
}

/// Everything that fork and exec will need, checked as far as it can be before.
pub(super) fn plan(spec: &RunSpec, run_as: Option<&RunAs>) -> Result<ExecPlan, StartFailure> {
    let Some(program) = spec.argv.first().filter(|program| !program.is_empty()) else {
        return Err(failure(StartStep::Exec, Errno::EINVAL, "the spec has no program".to_owned()));
    };
    if !spec.cwd.is_absolute() {
        let text = format!("working directory `{}` is not absolute", spec.cwd.display());
        return Err(failure(StartStep::Workspace, Errno::EINVAL, text));
    }
    let programs = candidates(program, spec.env.get("PATH").map_or(DEFAULT_PATH, String::as_str));
    let environment = spec.env.iter().map(|(name, value)| {
        if name.is_empty() || name.contains('=') {
            let text = format!("`{name}` is not a valid variable name");
            return Err(failure(StartStep::Exec, Errno::EINVAL, text));
        }
        let what = format!("the value of `{name}`");
        c_string(StartStep::Exec, &what, format!("{name}={value}").as_bytes())
    });
    let to_argument = |word: &String| c_string(StartStep::Exec, "an argument", word.as_bytes());
    let to_program = |path: &PathBuf| {
        c_string(StartStep::Exec, "the program's path", path.as_os_str().as_bytes())
    };
    Ok(ExecPlan {
        programs: programs.iter().map(to_program).collect::<Result<_, _>>()?,
        argv: spec.argv.iter().map(to_argument).collect::<Result<_, _>>()?,
        env: environment.collect::<Result<_, _>>()?,
        cwd: c_string(
            StartStep::Workspace,
            "the working directory",
            spec.cwd.as_os_str().as_bytes(),
        )?,
        umask: Mode::from_bits_truncate(spec.limits.umask.unwrap_or(DEFAULT_UMASK)),
        rlimits: spec
            .limits
            .rlimits
            .iter()
            .map(|(name, limit)| Ok(within_mark(resource(name)?, *limit, spec.limits.mark_bytes)))
            .collect::<Result<_, _>>()?,
        mark_bytes: spec.limits.mark_bytes,
        no_new_privs: spec.limits.no_new_privs || spec.limits.write_only_below.is_some(),
        write_only_below: writable(spec)?,
        run_as: run_as.cloned(),
    })
}

/// Where the worker may write, if its profile restricts that.
fn writable(spec: &RunSpec) -> Result<Option<Vec<CString>>, StartFailure> {
    let Some(paths) = &spec.limits.write_only_below else { return Ok(None) };
    let to_path = |path: &PathBuf| {
        c_string(StartStep::Limits, "a path of landlock_write", path.as_os_str().as_bytes())
    };
    paths.iter().map(to_path).collect::<Result<_, _>>().map(Some)
}

/// Paths at which the program may be, in the order of `PATH`. Entries that are not absolute are passed over: in
/// a worker's directory lies what others have written.
fn candidates(program: &str, path: &str) -> Vec<PathBuf> {
    if program.contains('/') {
        return vec![PathBuf::from(program)];
    }
    let folders = path.split(':').map(Path::new).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).collect()
}

/// A limit of the profile's is no way out of the mark: a shim with rights could set a higher one.
fn within_mark(resource: Resource, limit: u64, mark_bytes: Option<u64>) -> (Resource, u64) {
    let highest = mark_bytes.filter(|_| resource == Resource::RLIMIT_MSGQUEUE);
    (resource, highest.map_or(limit, |highest| limit.min(highest)))
}

fn resource(name: &str) -> Result<Resource, StartFailure> {
    let known = match name {
        "as" => Resource::RLIMIT_AS,
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "locks" => Resource::RLIMIT_LOCKS,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "msgqueue" => Resource::RLIMIT_MSGQUEUE,
        "nice" => Resource::RLIMIT_NICE,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "rss" => Resource::RLIMIT_RSS,
        "rtprio" => Resource::RLIMIT_RTPRIO,
        "rttime" => Resource::RLIMIT_RTTIME,
        "sigpending" => Resource::RLIMIT_SIGPENDING,
        "stack" => Resource::RLIMIT_STACK,
        _ => {
            let text = format!("unknown limit `{name}`");
            return Err(failure(StartStep::Limits, Errno::EINVAL, text));
        }
    };
    Ok(known)
}

/// Makes the working directory, if the spec asks for it, with the mask that the worker will have.
fn make_working_directory(spec: &RunSpec, mask: Mode) -> Result<(), StartFailure> {
    work_directory::make_unleased(spec, mask).map_err(|error| {
        let what = format!("cannot create working directory `{}`", spec.cwd.display());
        failure_of(StartStep::Workspace, &error, &what)
    })
}

/// Puts a step that failed in the child into words.
fn report(failed: ExecFailure, spec: &RunSpec, plan: &ExecPlan) -> StartFailure {
    let why = failed.errno.desc();
    let part = match failed.step {
        ExecStep::WorkingDirectory if !is_workspace(spec) => Some(StartPart::ProfileDirectory),
        ExecStep::User => Some(StartPart::User),
        ExecStep::WorkingDirectory
        | ExecStep::Fork
        | ExecStep::Containment
        | ExecStep::Session
        | ExecStep::Stdio
        | ExecStep::Limit(_)
        | ExecStep::Mark
        | ExecStep::Confinement
        | ExecStep::Landlock
        | ExecStep::Exec => None,
    };
    let (step, text) = match failed.step {
        ExecStep::Fork => (StartStep::Fork, format!("cannot create the worker process: {why}")),
        ExecStep::Containment => {
            let leaf = spec.containment.as_ref().map(|groups| groups.leaf.display());
            let leaf = leaf.map_or_else(String::new, |leaf| leaf.to_string());
            (StartStep::Containment, format!("cannot enter control group `{leaf}`: {why}"))
        }
        ExecStep::Session => {
            (StartStep::Fork, format!("cannot create the worker's session: {why}"))
        }
        ExecStep::Stdio => (StartStep::Fork, format!("cannot redirect the worker's output: {why}")),
        ExecStep::WorkingDirectory => {
            let cwd = spec.cwd.display();
            (StartStep::Workspace, format!("cannot enter working directory `{cwd}`: {why}"))
        }
        ExecStep::Limit(index) => {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            // The plan keeps the order of the spec.
            let (name, limit) = spec.limits.rlimits.iter().nth(index).unzip();
            let name = name.map_or("?", String::as_str);
            let limit = limit.copied().unwrap_or(0);
            (StartStep::Limits, format!("cannot set limit `{name}` to {limit}: {why}"))
        }
        ExecStep::Mark => {
            (StartStep::Limits, format!("cannot lower the limit that marks workers: {why}"))
        }
        ExecStep::Confinement => {
            (StartStep::Limits, format!("cannot set no_new_privs for the worker: {why}"))
        }
        ExecStep::Landlock => (
            StartStep::Limits,
            format!("cannot restrict where the worker writes (landlock_write): {why}"),
        ),
        ExecStep::User => {
            let uid = plan.run_as.as_ref().map_or(0, |who| who.uid);
            (StartStep::Limits, format!("cannot run the worker as user {uid}: {why}"))
        }
        ExecStep::Exec => (StartStep::Exec, exec_message(failed.errno, spec, plan)),
    };
    StartFailure { part, ..failure(step, failed.errno, text) }
}

/// Whether the worker starts in the workspace of its task, and not in a directory that its profile names.
fn is_workspace(spec: &RunSpec) -> bool {
    let workspace = spec.env.get("KANBAN_WORKSPACE").map(Path::new);
    workspace.is_none_or(|workspace| workspace == spec.cwd)
}

fn exec_message(errno: Errno, spec: &RunSpec, plan: &ExecPlan) -> String {
    let program = spec.argv.first().map_or("", String::as_str);
    let there = plan
        .programs
        .iter()
        .map(|path| spec.cwd.join(OsStr::from_bytes(path.as_bytes())))
        // Through its components, for `a/./b` to read `a/b`.
        .map(|path| path.components().collect::<PathBuf>())
        .find(|path| path.is_file());
    match (errno, there) {
        // The file is there, so what is missing is what executes it.
        (Errno::ENOENT, Some(path)) => {
            format!("interpreter of `{}` not found", path.display())
        }
        (Errno::ENOENT, None) if program.contains('/') => {
            format!("program `{program}` not found")
        }
        (Errno::ENOENT, None) => format!("program `{program}` not found on PATH"),
        (Errno::EACCES, _) => format!("program `{program}` is not executable: permission denied"),
        (Errno::ENOEXEC, _) => {
            format!("program `{program}` has no executable format; a script requires a `#!` line")
        }
        (other, _) => format!("cannot execute program `{program}`: {}", other.desc()),
    }
}

fn c_string(step: StartStep, what: &str, bytes: &[u8]) -> Result<CString, StartFailure> {
    CString::new(bytes)
        .map_err(|_nul| failure(step, Errno::EINVAL, format!("{what} contains a NUL byte")))
}

pub(super) fn failure_of(step: StartStep, error: &io::Error, what: &str) -> StartFailure {
    let errno = errno_of(error);
    let why = errno.map_or_else(|| error.to_string(), |raw| Errno::from_raw(raw).desc().to_owned());
    let message = format!("{what}: {why}");
    StartFailure { step, part: None, errno: errno.unwrap_or_default(), message }
}

fn failure(step: StartStep, errno: Errno, message: String) -> StartFailure {
    StartFailure { step, part: None, errno: errno as i32, message }
}

#[cfg(test)]
mod tests;
