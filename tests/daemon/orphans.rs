//! A process whose shim is gone is never mistaken for an operator.

use serde_json::json;

use crate::containment::{MODES, config_in, has_groups};
use crate::harness::{Daemon, is_alive, until};

/// What an orphan does when the file `go` is there: tries what only an operator may do, at the operators' door.
const CALL: &str = "while [ ! -e DIR/go ]; do sleep 0.02; done; kanban pause > DIR/told.new 2>&1; \
                    mv DIR/told.new DIR/told; exec sleep 600";

/// How the orphan tries to be nobody.
const DISGUISES: [(&str, &str, bool); 3] = [
    ("its token unset", "unset KANBAN_TOKEN_FILE; setsid sh -c 'CALL' &", false),
    (
        "no variable left, in the session",
        "env -i PATH=\"$PATH\" KANBAN_SOCKET=SOCKET sh -c 'CALL' &",
        false,
    ),
    (
        "no variable and no session left",
        "env -i PATH=\"$PATH\" KANBAN_SOCKET=SOCKET setsid sh -c 'CALL' &",
        true,
    ),
];

/// Where the daemon stands still meanwhile: before it has heard of the worker, and before it ends what is left.
const POINTS: [&str; 2] = ["daemon-forked", "remains-found"];

/// What the daemon told an orphan of a run whose shim was killed, before anything was done about it.
fn message(mode: &str, disguise: &str, needs_groups: bool, point: &str) -> Option<String> {
    let mut daemon = Daemon::prepare("");
    let dir = daemon.scratch().display().to_string();
    let socket = daemon.socket().display().to_string();
    let call = format!("echo $$ > DIR/orphan; {CALL}");
    let script = format!("export KANBAN_SOCKET=SOCKET; {disguise} wait")
        .replace("CALL", &call)
        .replace("DIR", &dir)
        .replace("SOCKET=SOCKET", &format!("SOCKET={socket}"));
    let text = config_in(mode, &[("sh", "exit", &script)]);
    daemon.configure(&text);
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("{point}=hold:{}@1", hold.display())));
    daemon.spawn();
    daemon.wait_until_up();
    if needs_groups && !has_groups(&daemon) {
        return None;
    }
    daemon.create(json!({ "assignee": "sh" }));
    let orphan: i32 = until("the orphan", || {
        std::fs::read_to_string(daemon.scratch().join("orphan")).ok()?.trim().parse().ok()
    });
    let run = kanband::os::run_files::directory::RunDir::new(daemon.home().join("runs/1"));
    // The worker may have called before its shim has written down who it is.
    let identity = until("the worker's identity", || {
        kanband::os::run_files::directory::read_identity(&run)
            .unwrap()
            .filter(|identity| identity.worker.is_some())
    });
    let shim = nix::unistd::Pid::from_raw(identity.shim.pid);
    nix::sys::signal::kill(shim, nix::sys::signal::SIGKILL).unwrap();
    until("the daemon to notice", || hold.exists().then_some(()));
    until("the worker's end", || (!is_alive(identity.worker.as_ref().unwrap().pid)).then_some(()));
    assert!(is_alive(orphan), "there is nobody to call");
    std::fs::write(daemon.scratch().join("go"), "").unwrap();
    let message =
        until("an answer", || std::fs::read_to_string(daemon.scratch().join("told")).ok());
    let dispatch = daemon.get("/v1/dispatch/switch")["dispatch"].clone();
    assert_ne!(dispatch, "paused", "{mode}, {point}: {disguise}: {message}");
    daemon.post("/v1/dispatch/switch", &json!({ "to": "paused" }));
    std::fs::remove_file(&hold).unwrap();
    until("the orphan's end", || (!is_alive(orphan)).then_some(()));
    Some(message)
}

#[test]
fn an_orphan_of_a_dead_shim_is_no_operator_however_it_hides() {
    for mode in MODES {
        for (what, disguise, needs_leaf) in DISGUISES {
            if needs_leaf && mode == "subreaper" {
                // Nothing is left by which it could be known; the README says so.
                continue;
            }
            for point in POINTS {
                let Some(message) = message(mode, disguise, needs_leaf, point) else { continue };
                let is_refused = message.contains("cannot identify the calling process")
                    || message.contains("may not");
                assert!(is_refused, "{mode}, {what}, {point}: {message}");
            }
        }
    }
}
