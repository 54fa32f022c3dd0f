//! The runs that have a worker now, as the API needs them to say who is calling.
//!
//! Written by the crash detector (before the daemon serves anybody), the worker actors and the spawning thread, read by the API.
//! A run is here from before its shim is started until after it is closed. One that is not here may be open all the same, while
//! nobody knows what became of it: whether a run is over is for its row to say.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::kernel::caller::Caller;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};
use crate::os::processes::identity::ProcessIdentity;
use crate::os::run_files::registry::RunRegistry;

/// What is known of a live run.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// Its task.
    pub task_id: TaskId,
    /// Its board.
    pub board: BoardName,
    /// Its profile.
    pub profile: String,
    /// The word that stands for it outside its process tree; none when that is not known.
    pub token: Option<RunToken>,
}

/// The token of a live run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunToken {
    /// What it is known by.
    pub digest: TokenDigest,
    /// Itself, for redaction in what the run's worker sends; none when no file has it.
    pub text: Option<String>,
}

impl RunToken {
    /// A token whose text is known; none of an empty one, which is no token.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        TokenDigest::of(text).map(|digest| Self { digest, text: Some(text.to_owned()) })
    }
}

/// SHA-256 of a run's token: enough to know the token by, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// The digest of the token of a run; none of an empty one, which is no token.
    pub fn of(token: &str) -> Option<Self> {
        let token = token.trim();
        (!token.is_empty()).then(|| Self::of_text(token))
    }

    fn of_text(token: &str) -> Self {
        use std::fmt::Write as _;
        let digest = Sha256::digest(token.as_bytes());
        let hex = digest.iter().fold(String::new(), |mut text, byte| {
            // Writing into a string does not fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        });
        Self(hex)
    }

    /// One that was stored.
    pub fn stored(text: &str) -> Option<Self> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Self(text.to_owned()))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOwner {
    /// This run's.
    Run(RunId),
    /// No live run's. Its row, if it has one, says more.
    NotLive {
        /// Digest of the token.
        digest: TokenDigest,
        /// Whether it may be that of an open run all the same: there are some whose token is not known.
        may_be_open: bool,
    },
}

/// Shared between actors and API; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LiveRuns {
    /// Shims of the runs.
    pub shims: Arc<RunRegistry>,
    runs: Arc<RwLock<HashMap<RunId, Entry>>>,
    /// Of open runs that are not here yet: what closes when they are over. Locked after `runs`.
    awaited: Arc<Mutex<HashMap<RunId, watch::Sender<()>>>>,
    /// How many open runs are not here.
    unknown: Arc<AtomicUsize>,
}

/// A live run, and how often it has called.
#[derive(Debug)]
struct Entry {
    run: LiveRun,
    calls: AtomicU64,
    /// When its shim ends it although it waits for an answer, epoch seconds; 0: the limit pauses.
    fixed_end: AtomicI64,
    /// Goes with the entry: who listens hears that the run is over.
    over: watch::Sender<()>,
}

impl LiveRuns {
    /// Adds a run. One that is here already keeps the count of its calls and who waits for its end, and its token when the new one is
    /// not known.
    pub fn insert(&self, run_id: RunId, run: LiveRun) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        match runs.get_mut(&run_id) {
            Some(entry) => {
                let known = entry.run.token.take();
                let token = match (run.token.clone(), known) {
                    // Its text is no longer in any file, and is not forgotten for that.
                    (Some(new), Some(known))
                        if new.digest == known.digest && new.text.is_none() =>
                    {
                        Some(known)
                    }
                    (new, known) => new.or(known),
                };
                entry.run = LiveRun { token, ..run };
            }
            None => {
                let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
                let over = awaited.remove(&run_id).unwrap_or_default();
                runs.insert(
                    run_id,
                    Entry { run, calls: AtomicU64::new(0), fixed_end: AtomicI64::new(0), over },
                );
            }
        }
    }

    /// Something that closes when the run is over; none when it is not live.
    pub fn over(&self, run_id: RunId) -> Option<watch::Receiver<()>> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id).map(|entry| entry.over.subscribe())
    }

    /// The same of a run that may be open and is taken over later. That it is open is to be looked up after the call: nothing of
    /// its end is missed from here on.
    pub fn over_later(&self, run_id: RunId) -> watch::Receiver<()> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = runs.get(&run_id) {
            return entry.over.subscribe();
        }
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.retain(|_, over| !over.is_closed());
        awaited.entry(run_id).or_default().subscribe()
    }

    /// Says that there are open runs, `count` of them, that are not here because nobody knows what became of them.
    pub fn set_unknown(&self, count: usize) {
        self.unknown.store(count, Ordering::Relaxed);
    }

    /// Removes a run.
    pub fn remove(&self, run_id: RunId) {
        self.runs.write().unwrap_or_else(PoisonError::into_inner).remove(&run_id);
    }

    /// Whether there are open runs that are not here.
    pub fn has_unknown(&self) -> bool {
        self.unknown.load(Ordering::Relaxed) > 0
    }

    /// Whether the run's processes may be there.
    pub fn contains(&self, run_id: RunId) -> bool {
        self.runs.read().unwrap_or_else(PoisonError::into_inner).contains_key(&run_id)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.runs.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The run whose process tree a process belongs to, given the process and its ancestors.
    pub fn find_by_ancestry(&self, ancestry: &[ProcessIdentity]) -> Option<RunId> {
        self.shims.find(ancestry)
    }

    /// Whose a token is. Digests are compared, so the time that it takes says nothing about a token.
    pub fn find_by_token(&self, token: &str) -> TokenOwner {
        let digest = TokenDigest::of_text(token.trim());
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let owner = runs.iter().find(|(_, entry)| {
            entry.run.token.as_ref().is_some_and(|token| token.digest == digest)
        });
        match owner {
            Some((run_id, _)) => TokenOwner::Run(*run_id),
            None => {
                let is_one_unknown = runs.values().any(|entry| entry.run.token.is_none());
                let may_be_open = self.has_unknown() || is_one_unknown;
                TokenOwner::NotLive { digest, may_be_open }
            }
        }
    }

    /// The text of the run's token; none if the run is not live or only its digest is known.
    pub fn token(&self, run_id: RunId) -> Option<String> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id)?.run.token.as_ref()?.text.clone()
    }

    /// The run's worker as the caller of one more request; none when the run is not live.
    pub fn caller(&self, run_id: RunId) -> Option<Caller> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let Entry { run, calls, .. } = runs.get(&run_id)?;
        calls.fetch_add(1, Ordering::Relaxed);
        Some(Caller::Worker {
            run_id,
            task_id: run.task_id.clone(),
            board: run.board.clone(),
            profile: run.profile.clone(),
        })
    }
}

impl LiveRuns {
    /// Says when the shim of a run ends it although it waits for an answer, epoch seconds. From its worker actor.
    pub fn set_fixed_end(&self, run_id: RunId, at: EpochSeconds) {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = runs.get(&run_id) {
            entry.fixed_end.store(at, Ordering::Relaxed);
        }
    }

    /// That time; none of a run whose time limit pauses.
    pub fn fixed_end(&self, run_id: RunId) -> Option<EpochSeconds> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let at = runs.get(&run_id)?.fixed_end.load(Ordering::Relaxed);
        (at != 0).then_some(at)
    }

    /// How often the run has called since this daemon knows it.
    pub fn calls(&self, run_id: RunId) -> u64 {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id).map_or(0, |entry| entry.calls.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_end_of_a_run_hears_of_its_removal_and_of_nothing_else() {
        let live_runs = LiveRuns::default();
        assert!(live_runs.over(1).is_none());
        live_runs.insert(1, run(Some("token")));
        let over = live_runs.over(1).unwrap();
        // Its worker actor was restarted.
        live_runs.insert(1, run(None));
        assert!(over.has_changed().is_ok());
        live_runs.remove(1);
        assert!(over.has_changed().is_err());
    }

    #[test]
    fn who_waits_for_the_end_of_a_run_that_is_taken_over_later_hears_of_its_end_and_of_nothing_before()
     {
        let live_runs = LiveRuns::default();
        let over = live_runs.over_later(1);
        // Another thread waits too, and gives up.
        drop(live_runs.over_later(2));
        live_runs.insert(1, run(None));
        assert!(over.has_changed().is_ok());
        assert!(live_runs.over_later(1).has_changed().is_ok());
        live_runs.remove(1);
        assert!(over.has_changed().is_err());
        let _again = live_runs.over_later(3);
        assert_eq!(live_runs.awaited.lock().unwrap().len(), 1, "who gave up is forgotten");
    }

    fn run(token: Option<&str>) -> LiveRun {
        LiveRun {
            task_id: TaskId::parse("t_1").unwrap(),
            board: BoardName::default(),
            profile: "dev".into(),
            token: token.and_then(RunToken::of),
        }
    }

    /// The owner in one word.
    fn owner(live_runs: &LiveRuns, token: &str) -> String {
        match live_runs.find_by_token(token) {
            TokenOwner::Run(run_id) => run_id.to_string(),
            TokenOwner::NotLive { may_be_open: false, .. } => "nobody".to_owned(),
            TokenOwner::NotLive { may_be_open: true, .. } => "perhaps".to_owned(),
        }
    }

    #[test]
    fn a_token_is_one_runs_or_nobodys_and_in_doubt_only_while_a_token_is_unknown() {
        let live_runs = LiveRuns::default();
        assert_eq!(owner(&live_runs, "one"), "nobody");
        live_runs.insert(1, run(Some("one\n")));
        assert_eq!(owner(&live_runs, "one"), "1");
        for other in ["on", "ones", "ONE", "", " "] {
            assert_eq!(owner(&live_runs, other), "nobody", "{other:?}");
        }
        live_runs.insert(2, run(None));
        assert_eq!(owner(&live_runs, "two"), "perhaps");
        assert_eq!(owner(&live_runs, "one"), "1");
        live_runs.remove(2);
        live_runs.set_unknown(1);
        assert_eq!(owner(&live_runs, "two"), "perhaps");
        live_runs.set_unknown(0);
        assert_eq!(owner(&live_runs, "two"), "nobody");
    }

    #[test]
    fn a_run_that_is_taken_over_keeps_its_calls_and_its_token() {
        let live_runs = LiveRuns::default();
        live_runs.insert(1, run(Some("one")));
        assert!(live_runs.caller(1).is_some());
        live_runs.insert(1, run(None));
        assert_eq!(live_runs.calls(1), 1);
        assert_eq!(owner(&live_runs, "one"), "1");
    }

    #[test]
    fn a_digest_is_stored_and_read_back_and_nothing_else_is_one() {
        let digest = TokenDigest::of("secret").unwrap();
        assert_eq!(TokenDigest::stored(digest.as_str()), Some(digest));
        assert_eq!(TokenDigest::stored("secret"), None);
        assert_eq!(TokenDigest::of("\n"), None);
    }
}
