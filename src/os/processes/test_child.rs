//! Tests only: a child that sleeps and never outlives its test.

use std::process::{Child, Command, Stdio};

use crate::os::processes::identity::ProcessIdentity;

pub(in crate::os) struct Sleeper {
    child: Child,
    pub(in crate::os) identity: ProcessIdentity,
}

impl Sleeper {
    pub(in crate::os) fn start() -> Self {
        let mut command = Command::new("sleep");
        let child = command.arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let identity = ProcessIdentity::of(i32::try_from(child.id()).unwrap()).unwrap().unwrap();
        Self { child, identity }
    }

    /// Ends it, without reaping it.
    pub(in crate::os) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub(in crate::os) fn reap(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
