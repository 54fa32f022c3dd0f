//! The protocol between the daemon and the holder: one request and one reply per connection, each a JSON object
//! in one message ([`crate::os::processes::fd_passing`]).
//!
//! The holder is never restarted by an upgrade, so any daemon meets any older holder, and after a downgrade a
//! younger one. Both ignore keys that they do not know; nothing is ever taken away or given another meaning; a question that a
//! holder does not know is answered with [`HolderRefusal::UNKNOWN_QUESTION`], and the daemon does without.
//!
//! | question | with it | answer | with it |
//! |---|---|---|---|
//! | `hello` | | [`Hello`] | |
//! | `start` | writing end of the status pipe | [`Started`] | pidfd of the shim |
//! | `remains` | | [`Remains`] | |

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::os::processes::identity::ProcessIdentity;

/// Version that this build writes into every message.
pub const PROTOCOL_VERSION: u32 = 1;

/// What the daemon asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// Who are you, and what holds the runs together?
    Hello,
    /// Start the shim of a run, whose files are in place.
    Start {
        /// The run's directory.
        run_dir: PathBuf,
        /// Nonce of the start, as in the spec.
        nonce: String,
        /// User of the worker.
        user: String,
        /// What the run sees of the machine; none for what the holder sees.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        view: Option<AskedView>,
    },
    /// Is anything left of the run whose shim this was? The shim has ended; what it left is killed.
    Remains {
        /// The shim.
        shim: ProcessIdentity,
    },
    /// One of a later version.
    #[serde(other)]
    Unknown,
}

/// What a run is to see of the machine: [`crate::os::processes::run_view`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedView {
    /// Size of its own `/tmp` and `/var/tmp` together, bytes; none to share the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_bytes: Option<u64>,
    /// Whether its `/proc` hides the processes of other users.
    pub hides_processes: bool,
}

/// Which views the holder can make here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PossibleViews {
    /// Why a run gets no `/tmp` of its own; none where it can have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_no_tmp: Option<String>,
    /// Why no `/proc` hides the processes of other users; none where it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_no_proc: Option<String>,
}

/// A question as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// [`PROTOCOL_VERSION`] of the writer.
    pub version: u32,
    /// The question.
    #[serde(flatten)]
    pub question: Question,
}

/// What the holder answers: one of the keys, beside the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answered {
    /// [`PROTOCOL_VERSION`] of the writer.
    pub version: u32,
    /// To `hello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello: Option<Hello>,
    /// To `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Started>,
    /// To `remains`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remains: Option<Remains>,
    /// To anything: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<HolderRefusal>,
}

/// Who the holder is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The holder.
    pub holder: ProcessIdentity,
    /// Version of its package.
    pub package: String,
    /// Control groups of the runs; none where it has none.
    #[serde(default)]
    pub groups: Option<HeldGroups>,
    /// Why it has none.
    #[serde(default)]
    pub why_no_groups: Option<String>,
    /// Which views of the machine it can give a run; none from a holder that knows of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<PossibleViews>,
}

/// The control groups that the holder has made and given to the daemon's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGroups {
    /// Directory of the group that has `shims` and `runs` in it.
    pub directory: PathBuf,
    /// The same group by its name in the hierarchy, as `/proc/PID/cgroup` has it.
    pub group: PathBuf,
    /// Controllers that the leaves have.
    pub controllers: Vec<String>,
}

/// A shim that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The shim.
    pub shim: ProcessIdentity,
}

/// What is left of a run whose shim died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remains {
    /// No process: everything that such a shim leaves becomes the holder's, and the holder has nothing that is not below a
    /// living shim.
    None,
    /// Something, which was killed and has not gone yet.
    Some,
    /// Unknown: the shim was started by an earlier holder.
    #[serde(other)]
    Unknown,
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRefusal {
    /// One of the constants of this type.
    pub code: String,
    /// One line for people.
    pub message: String,
    /// The kernel's error number, 0 when there is none.
    #[serde(default)]
    pub errno: i32,
}

impl HolderRefusal {
    /// The caller is not the daemon's user.
    pub const NOT_THE_DAEMON: &'static str = "not_the_daemon";
    /// The question does not read as one, or lacks its descriptor.
    pub const BAD_QUESTION: &'static str = "bad_question";
    /// The holder is older than the question.
    pub const UNKNOWN_QUESTION: &'static str = "unknown_question";
    /// Workers may not be this user's.
    pub const USER_NOT_ALLOWED: &'static str = "user_not_allowed";
    /// The file that says which users are allowed cannot be trusted or read.
    pub const USERS_FILE: &'static str = "users_file";
    /// The holder ends.
    pub const STOPPING: &'static str = "stopping";
    /// The kernel did not let the shim start.
    pub const START_FAILED: &'static str = "start_failed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_a_later_version_is_read_as_unknown_and_later_keys_are_ignored() {
        let read = |text: &str| serde_json::from_str::<Asked>(text).unwrap().question;
        assert_eq!(read(r#"{"version":9,"question":"dance","with":"whom"}"#), Question::Unknown);
        assert_eq!(read(r#"{"version":9,"question":"hello","later":[1]}"#), Question::Hello);
        let answer: Answered =
            serde_json::from_str(r#"{"version":9,"remains":"mostly","later":1}"#).unwrap();
        assert_eq!(answer.remains, Some(Remains::Unknown));
    }

    #[test]
    fn what_is_asked_and_answered_reads_as_it_was_written() {
        let shim = ProcessIdentity { boot_id: "b".into(), pid: 5, start_ticks: 9 };
        let question = Question::Start {
            run_dir: "/home/runs/7".into(),
            nonce: "n".into(),
            user: "games".into(),
            view: None,
        };
        let asked = Asked { version: PROTOCOL_VERSION, question };
        let text = serde_json::to_string(&asked).unwrap();
        let expected = r#"{"version":1,"question":"start","run_dir":"/home/runs/7","nonce":"n","user":"games"}"#;
        assert_eq!(text, expected, "an older holder reads exactly this");
        assert_eq!(serde_json::from_str::<Asked>(&text).unwrap(), asked);
        let view = Some(AskedView { tmp_bytes: Some(1), hides_processes: true });
        let question = Question::Start {
            run_dir: "/home/runs/7".into(),
            nonce: "n".into(),
            user: "games".into(),
            view,
        };
        let asked = Asked { version: PROTOCOL_VERSION, question };
        let text = serde_json::to_string(&asked).unwrap();
        assert!(text.ends_with(r#""view":{"tmp_bytes":1,"hides_processes":true}}"#), "{text}");
        assert_eq!(serde_json::from_str::<Asked>(&text).unwrap(), asked);
        let answered = Answered { started: Some(Started { shim }), ..Answered::default() };
        let text = serde_json::to_string(&answered).unwrap();
        assert_eq!(serde_json::from_str::<Answered>(&text).unwrap(), answered);
    }
}
