//! The home on disk: its directories, its install id, its database.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::app::start_error::StartError;
use crate::app::upgrade_watch::UpgradeWatch;
use crate::config::{Ambient, Home, Settings, default_file};
use crate::kernel::board::Board;
use crate::kernel::policy::Policy;
use crate::kernel::random::{Random, SeededRandom};
use crate::kernel::restore::{self as kernel_restore, COMPACT_SUFFIX, NewLife, RestoreError};
use crate::kernel::store::{Birth, MigrationWatch, Missing};
use crate::mcp::skills::SKILLS;
use crate::os::control_groups::cgroup::default_base;
use crate::os::control_groups::leaf::Leaf;
use crate::os::failure::in_words;
use crate::os::files::create_private;
use crate::os::home::attachments::AttachmentFiles;
use crate::os::home::files::{installation, is_made_file};
use crate::os::home::lock::{HomeLock, HomeLockError};
use crate::os::host::clock::epoch_seconds;
use crate::os::host::disk::foreign_file_system;
use crate::os::host::random::random_hex;
use crate::os::processes::own_process::make_files_private;
use crate::os::run_files::directory::RunDir;
use crate::os::run_files::inspection::{Inspected, Inspection, LossCause, inspect};
use crate::os::run_files::remains::{Marks, Remnant, Tree};
use crate::os::run_files::shim_search::shims_below;
use crate::os::run_files::signs::Footing;
use crate::service::attachment_store::AttachmentStore;
use crate::service::backup_bytes::Gathered;

/// Access to the home: its owner. Specs and tokens in it are secrets.
const HOME_MODE: u32 = 0o700;

/// Access to what is in the home, and to the directories that workers of other users pass through.
const FILE_MODE: u32 = 0o600;
const PASSABLE_MODE: u32 = 0o711;

/// Access to the skills that come with the program, for workers of other users.
const READABLE_MODE: u32 = 0o644;

/// How long the processes of a run whose shim died may take to go when they are killed.
const REMAINS_PATIENCE: Duration = Duration::from_secs(5);

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StartError + '_ {
    move |source| StartError::HomeUnusable { path: path.to_owned(), source }
}

/// Makes the home and what is below it. Its parent must be there, unless it is a home of our own choosing.
pub(super) fn make_directories(home: &Home) -> Result<(), StartError> {
    make_home(home)?;
    for path in [home.runs(), home.logs(), home.workspaces(), home.attachments()] {
        make_directory(&path, false)?;
    }
    Ok(())
}

/// Refuses a home on a network: the database would be damaged there sooner or later.
pub(super) fn must_be_local(home: &Home) -> Result<(), StartError> {
    match foreign_file_system(home.path()) {
        Ok(Some(file_system)) => {
            Err(StartError::HomeNotLocal { path: home.path().to_owned(), file_system })
        }
        // What cannot be asked is found out by what comes next.
        Ok(None) | Err(_) => Ok(()),
    }
}

fn make_home(home: &Home) -> Result<(), StartError> {
    must_be_local(home)?;
    let is_chosen = home.kind() == crate::config::home::HomeKind::Chosen;
    make_directory(home.path(), !is_chosen)
}

fn make_directory(path: &Path, with_parents: bool) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().mode(HOME_MODE).recursive(with_parents).create(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(unusable(path)),
    }
}

/// The attached files of the home.
///
/// # Errors
/// Their folder cannot be made or read.
pub(super) fn open_attachments(home: &Home) -> Result<AttachmentStore, StartError> {
    AttachmentStore::open(home.attachments())
        .map_err(|source| StartError::HomeUnusable { path: home.attachments(), source })
}

/// Directories that the daemon makes in its home.
fn made_directories(home: &Home) -> [PathBuf; 5] {
    [home.runs(), home.logs(), home.workspaces(), home.attachments(), home.share()]
}

/// Shuts what the daemon has made to everybody else: an earlier release left it to the file mode mask. What others have put
/// into the home keeps its mode, and so does what belongs to another user.
pub(super) fn shut_what_was_made(home: &Home) -> Result<(), StartError> {
    for entry in std::fs::read_dir(home.path()).map_err(unusable(home.path()))? {
        let entry = entry.map_err(unusable(home.path()))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_made_file) {
            shut(&entry.path(), FILE_MODE)?;
        }
    }
    made_directories(home).iter().try_for_each(|path| shut(path, HOME_MODE))
}

/// Takes the rights of others away from a file or a directory of our own.
fn shut(path: &Path, mode: u32) -> Result<(), StartError> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let is_own = found.uid() == nix::unistd::geteuid().as_raw() && !found.is_symlink();
    if is_own && found.permissions().mode() & 0o077 != 0 {
        set_mode(path, mode)?;
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), StartError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(unusable(path))
}

/// Lets workers of other users pass through to their directories and tokens, and to the skills that come with the program. The
/// modes of the files in the home are from here on their only guard: those of what the daemon has made were shut before.
pub(super) fn let_workers_through(home: &Home) -> Result<(), StartError> {
    for path in [home.runs(), home.workspaces(), home.path().to_owned()] {
        set_mode(&path, PASSABLE_MODE)?;
    }
    let skills = home.shipped_skills();
    let folders = SKILLS.iter().map(|skill| skills.join(skill.name));
    let mut shown: Vec<(PathBuf, u32)> =
        folders.clone().map(|folder| (folder.join("SKILL.md"), READABLE_MODE)).collect();
    shown.extend(folders.map(|folder| (folder, PASSABLE_MODE)));
    shown.extend([skills, home.share()].map(|folder| (folder, PASSABLE_MODE)));
    for (path, mode) in shown {
        // One that could not be written is reported where it is written; a start does not depend on it.
        if path.exists() {
            set_mode(&path, mode)?;
        }
    }
    Ok(())
}

/// A directory of the home as text, with the links on the way to it resolved: that is how the leases name it.
pub(super) fn without_links(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.to_string_lossy().into_owned()
}

/// Removes what a daemon or a restore that was killed has left on its way in or out. Only with the lifetime lock, and only what
/// has exactly such a name: nobody else makes one.
pub(super) fn remove_unfinished(home: &Home) {
    let Ok(entries) = std::fs::read_dir(home.path()) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_unfinished) {
            match std::fs::remove_file(entry.path()) {
                Ok(()) => {
                    tracing::info!(path = %entry.path().display(), "removed an unfinished copy");
                }
                Err(error) => {
                    tracing::warn!(path = %entry.path().display(), %error, "cannot remove an unfinished copy");
                }
            }
        }
    }
}

/// Whether a file is called as copies on their way are: `.backup-` or `.restore-`, a random word, what SQLite makes beside it.
fn is_unfinished(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".backup-").or_else(|| name.strip_prefix(".restore-"))
    else {
        return false;
    };
    let (word, ending) = rest.split_at(rest.find(['-', '.']).unwrap_or(rest.len()));
    let is_word = matches!(word.len(), 16 | 32) && word.chars().all(|c| c.is_ascii_hexdigit());
    is_word && ["", "-wal", "-shm", "-journal", COMPACT_SUFFIX].contains(&ending)
}

/// Opens the board of the home; makes it when the home is new.
///
/// A home that was used before has an install id beside the database. When the database of such a home is missing, it
/// was lost; an empty one in its place would hide that.
pub(super) fn open_board(
    home: &Home,
    policy: Arc<Policy>,
    random: Box<dyn Random>,
) -> Result<Board, StartError> {
    let (database, install_id) = (home.database(), home.install_id());
    let is_known = install_id.exists();
    if is_known && !database.exists() {
        return Err(StartError::DatabaseMissing { database, install_id });
    }
    let word = || random_hex(16).map_err(unusable(home.path()));
    let birth = Birth { install_id: word()?, incarnation: word()?, now: epoch_seconds() };
    let missing = if is_known { Missing::Refuse } else { Missing::Create };
    let watch: Arc<dyn MigrationWatch> = Arc::new(UpgradeWatch::default());
    let board = Board::open_watched(&database, (missing, &birth), policy, random, &watch)?;
    if !is_known {
        let install = board
            .install()
            .map_err(|fault| StartError::fault("read the id of the home", &fault))?;
        write_new(&install_id, install.install_id.as_bytes()).map_err(unusable(&install_id))?;
    }
    Ok(board)
}

/// Writes a file that is not there yet, to the disk.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// The shim: as configured, else beside this program, else where the package puts it.
pub(super) fn find_shim(settings: &Settings) -> PathBuf {
    if let Some(shim) = &settings.supervision.shim {
        return shim.clone();
    }
    let beside = program_dir().map(|dir| dir.join("kanban-shim")).filter(|path| path.exists());
    beside.unwrap_or_else(|| PathBuf::from("/usr/libexec/kanband/kanban-shim"))
}

/// The directory of this program.
pub(super) fn program_dir() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(Path::to_owned)
}

/// What `kanban init` made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The configuration file was made.
    pub made_config: bool,
    /// The board was made.
    pub made_board: bool,
}

/// The home that `kanban init` looked at.
#[derive(Debug, Clone)]
pub struct InitializedHome {
    /// Path.
    pub home: Home,
    /// What was made.
    pub report: InitReport,
}

/// Makes home, configuration and board as far as they are missing; overwrites nothing. A running daemon owns its home and
/// has made everything in it but the configuration file.
///
/// # Errors
/// [`StartError`], as the daemon itself would say it.
pub fn init(ambient: &Ambient) -> Result<InitializedHome, StartError> {
    let home = Home::resolve(ambient)?;
    make_files_private();
    make_directories(&home)?;
    let config = home.config_file().to_owned();
    let made_config = match write_config(&config) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(unusable(&config)(error)),
    };
    let made_board = match HomeLock::acquire(home.path()) {
        Ok(lock) => {
            let is_new = !home.database().exists();
            // Nothing random is drawn while a board is only made.
            let random = Box::new(SeededRandom::new(0));
            drop(open_board(&home, Arc::new(Policy::default()), random)?);
            drop(lock);
            is_new
        }
        Err(HomeLockError::Held { .. }) => false,
        Err(error) => return Err(StartError::Locked(error)),
    };
    Ok(InitializedHome { home, report: InitReport { made_config, made_board } })
}

/// A home whose board was restored.
#[derive(Debug, Clone)]
pub struct RestoredHome {
    /// New incarnation of the database.
    pub incarnation: String,
    /// Where the replaced board is kept, when there was one.
    pub kept: Option<PathBuf>,
    /// Schedules that are paused until a person resumes them.
    pub schedules_paused: usize,
    /// Attached files that were restored, for every task that has them.
    pub files: usize,
    /// Attached files that the backup does not hold.
    pub files_missing: u64,
}

/// Puts a backup in the place of the home's board, whether that can still be opened or not. Only without a daemon.
///
/// # Errors
/// [`StartError`]; the board is what it was then.
pub fn restore(ambient: &Ambient, backup: File) -> Result<RestoredHome, StartError> {
    let home = Home::resolve(ambient)?;
    make_files_private();
    make_directories(&home)?;
    let lock = HomeLock::acquire(home.path()).map_err(StartError::Locked)?;
    remove_unfinished(&home);
    refuse_live_runs(&home)?;
    let word = || random_hex(16).map_err(unusable(home.path()));
    let incarnation = word()?;
    let staged = StagedFile(home.path().join(format!(".restore-{}", word()?)));
    copy_to(backup, &staged.0).map_err(unusable(&staged.0))?;
    let random = Box::new(SeededRandom::new(0));
    let known = installation(home.path());
    let life =
        NewLife { incarnation: &incarnation, install_id: known.as_deref(), now: epoch_seconds() };
    let attachments = AttachmentFiles::new(home.attachments());
    let unwritten = |fault| StartError::fault("restore the attached files", &fault);
    let mut gathered = Gathered::begin(&attachments).map_err(unwritten)?;
    let installed =
        kernel_restore::prepare(&staged.0, life, random, &mut gathered).map_err(refused)?;
    let database = home.database();
    let had_board = database.exists();
    let placed = gathered.put_in_place(&installed.files).map_err(unwritten)?;
    let kept = match kernel_restore::swap(&staged.0, &database) {
        Ok(kept) => kept,
        Err(fault) => {
            placed.take_back();
            return Err(StartError::fault("move the backup into place", &fault));
        }
    };
    let install_id = home.install_id();
    if !install_id.exists() {
        write_new(&install_id, installed.install_id.as_bytes()).map_err(unusable(&install_id))?;
    }
    drop(lock);
    Ok(RestoredHome {
        incarnation,
        kept: had_board.then_some(kept),
        schedules_paused: installed.schedules_paused,
        files: installed.files.len(),
        files_missing: installed.files_missing,
    })
}

/// Processes of a run would go on for a board that does not know them. What is left of a run whose shim died is ended. Neither a
/// missing directory nor a missing file says that there is none: the process table and the control groups are asked as well.
fn refuse_live_runs(home: &Home) -> Result<(), StartError> {
    let runs = home.runs();
    let base = default_base(home.path());
    for entry in std::fs::read_dir(&runs).map_err(unusable(&runs))? {
        let dir = RunDir::new(entry.map_err(unusable(&runs))?.path());
        refuse_live_run(&runs, &dir, base.as_deref())?;
    }
    if let Some(shim) = shims_below(&runs).map_err(unusable(&runs))?.into_iter().next() {
        return Err(StartError::LiveRuns { run: shim.run });
    }
    base.map_or(Ok(()), |base| refuse_live_leaves(&base.join("runs")))
}

/// A run whose directory is gone may have processes in its control group all the same.
fn refuse_live_leaves(leaves: &Path) -> Result<(), StartError> {
    let entries = match std::fs::read_dir(leaves) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unusable(leaves))?,
    };
    for entry in entries {
        let leaf = entry.map_err(unusable(leaves))?;
        // The others are the kernel's own files.
        if !leaf.file_type().map_err(unusable(leaves))?.is_dir() {
            continue;
        }
        let run = leaf.file_name().to_string_lossy().into_owned();
        match Leaf::new(leaf.path()).is_populated() {
            Ok(false) => {}
            Ok(true) => return Err(StartError::LiveRuns { run }),
            Err(error) => {
                let why = format!("its control group: {}", in_words(&error));
                return Err(StartError::UnknownRun { run, why });
            }
        }
    }
    Ok(())
}

fn refuse_live_run(runs: &Path, dir: &RunDir, base: Option<&Path>) -> Result<(), StartError> {
    let run = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let run_id = run.parse().ok();
    let leaf = base.map(|base| base.join("runs").join(&run)).filter(|leaf| leaf.exists());
    let footing = Footing { leaf, ..Footing::default() };
    let marks = Marks { runs_dir: runs, worker_socket: runs };
    let remnant = Remnant { dir, run_id, footing: &footing, spec: None, marks, holder: None };
    let Inspected { inspection, spec } = inspect(&remnant);
    match inspection {
        Inspection::Alive(_) | Inspection::Beginning(_) => Err(StartError::LiveRuns { run }),
        Inspection::Unknown(why) => Err(StartError::UnknownRun { run, why }),
        Inspection::ShimDied(loss) if loss.cause != LossCause::OtherBoot => {
            let socket = spec.as_ref().and_then(|spec| spec.env.get("KANBAN_SOCKET"));
            let worker_socket = socket.map_or(runs, Path::new);
            let marks = Marks { runs_dir: runs, worker_socket };
            let remnant = Remnant { spec: spec.as_ref(), marks, ..remnant };
            match remnant.end(loss.shim.as_ref(), loss.worker.as_ref(), REMAINS_PATIENCE) {
                Tree::Empty => Ok(()),
                Tree::Some => Err(StartError::LiveRuns { run }),
                Tree::Unknown(why) => Err(StartError::UnknownRun { run, why }),
            }
        }
        Inspection::ShimDied(_) | Inspection::Ended(_) | Inspection::NeverStarted => Ok(()),
    }
}

fn copy_to(mut from: File, to: &Path) -> io::Result<()> {
    from.seek(io::SeekFrom::Start(0))?;
    let mut target = create_private(to)?;
    io::copy(&mut from, &mut target)?;
    target.sync_all()
}

fn refused(error: RestoreError) -> StartError {
    match error {
        RestoreError::Backup(refused) => StartError::BadBackup(refused),
        error => StartError::fault("prepare the backup", &error),
    }
}

/// A file on its way into its place; removed with what SQLite made beside it when it does not get there.
struct StagedFile(PathBuf);

impl Drop for StagedFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal", COMPACT_SUFFIX] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // Most of these were never there.
            drop(std::fs::remove_file(PathBuf::from(name)));
        }
    }
}

fn write_config(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(default_file::render().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_copies_on_their_way_are_taken_for_unfinished() {
        let (short, long) = ("0123456789abcdef", "0123456789abcdef0123456789abcdef");
        for (name, expected) in [
            (format!(".backup-{short}"), true),
            (format!(".backup-{short}-journal"), true),
            (format!(".restore-{short}-wal"), true),
            (format!(".restore-{long}"), true),
            (format!(".restore-{long}-shm"), true),
            (format!(".restore-{long}.board"), true),
            (format!(".restore-{long}.db"), false),
            (format!(".restore-{short}0"), false),
            (format!("restore-{short}"), false),
            (".backup-of-mine".to_owned(), false),
            (".backup-".to_owned(), false),
            ("kanban.db".to_owned(), false),
        ] {
            assert_eq!(is_unfinished(&name), expected, "{name}");
        }
    }
}
