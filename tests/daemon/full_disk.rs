//! A disk that fills up: nothing is started, verdicts are still taken, and everything goes on by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use kanband::api::client::ClientError;
use serde_json::{Value, json};
use support::skip;

use crate::harness::{Daemon, config, until};

const MIB: usize = 1024 * 1024;

/// A file system of 24 MiB over the home of a daemon that is not running yet.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this test may not mount.
    fn over(home: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"])
            .arg(home)
            .status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        is_mounted.then(|| Self(home.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves at most this much free.
    fn fill_up_to(&self, left: usize) {
        use std::io::Write as _;

        let mut file = std::fs::File::create(self.filler()).unwrap();
        let free = || {
            let found = nix::sys::statvfs::statvfs(&self.0).unwrap();
            usize::try_from(found.blocks_available() * found.fragment_size()).unwrap()
        };
        while free() > left {
            let part = (free() - left).min(MIB);
            if file.write_all(&vec![1; part]).is_err() {
                return;
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the daemon may still be ending.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn on_small_disk(workers: &[(&str, &str, &str)]) -> Option<(Daemon, SmallDisk)> {
    let limits = "[disk]\nmin_free_bytes = 4194304\nreserve_bytes = 4194304\n";
    let text = format!("{limits}{}", config(workers));
    let mut daemon = Daemon::prepare(&text);
    let Some(disk) = SmallDisk::over(&daemon.home()) else {
        skip("no file system may be mounted here");
        return None;
    };
    daemon.configure(&text);
    daemon.spawn();
    daemon.wait_until_up();
    Some((daemon, disk))
}

fn why(daemon: &Daemon, id: &str) -> Value {
    daemon.get(&format!("/v1/tasks/{id}/why"))
}

#[test]
fn a_disk_that_is_nearly_full_holds_starts_back_until_there_is_room() {
    let Some((daemon, disk)) = on_small_disk(&[("dev", "exit", "true")]) else { return };
    disk.fill_up_to(3 * MIB);
    let id = daemon.create(json!({"assignee": "dev"}));
    let report = daemon.post("/v1/dispatch", &json!({}));
    assert_eq!((&report["held_by"], &report["spawned"]), (&json!("disk"), &json!([])));
    assert_eq!(why(&daemon, &id)["reason"], "disk");
    assert!(daemon.runs(&id).is_empty());
    let doctor = daemon.get("/v1/doctor").to_string();
    assert!(doctor.contains("disk.min_free_bytes"), "{doctor}");
    disk.empty();
    daemon.wait_status(&id, "done");
}

#[test]
fn on_a_full_disk_a_verdict_is_taken_and_new_work_is_refused() {
    let Some((daemon, disk)) = on_small_disk(&[]) else { return };
    let ids: Vec<String> = (0..4).map(|_| daemon.create(json!({}))).collect();
    assert!(daemon.home().join("disk.reserve").exists());
    disk.fill_up_to(0);
    // What is on the way to the disk may still find room in files that are there; sooner or later there is none.
    let refused = until("the end of the disk", || {
        let body = json!({"title": "more", "body": "x".repeat(100_000)});
        daemon.client().post::<Value>("/v1/tasks", &body).err()
    });
    assert!(
        matches!(&refused, ClientError::Fault(error) if error.message.contains("disk is full")),
        "{refused}"
    );
    assert!(!daemon.home().join("disk.reserve").exists(), "the reserve was given up");
    for id in &ids {
        let body = json!({"summary": "s".repeat(1000)});
        daemon.post(&format!("/v1/tasks/{id}/complete"), &body);
        assert_eq!(daemon.status(id), "done");
    }
    disk.empty();
    daemon.create(json!({"title": "there is room again"}));
    assert!(daemon.home().join("disk.reserve").exists(), "and so is the reserve");
}
