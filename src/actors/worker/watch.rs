//! Watches a shim: its end by its pidfd, its messages by the status pipe.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use actix::{Message, Recipient};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::actors::readable::watch;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::pidfd::{PidFd, Signal};
use crate::os::processes::spawn::SpawnedShim;
use crate::os::processes::status_pipe::{StatusLine, StatusPipe};
use crate::os::processes::wait::{NOT_OUR_CHILD, reap_pidfd};

/// What a shim lets its worker actor know.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum ShimNews {
    /// It has started the worker process.
    WorkerStarted(ProcessIdentity),
    /// The exit record is in place.
    ExitRecorded,
    /// It has ended.
    Gone,
}

/// A watched shim. Dropping it ends the watching, not the shim.
pub struct ShimWatch {
    identity: ProcessIdentity,
    pidfd: Arc<PidFd>,
    collected: Option<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
    is_own: bool,
}

impl ShimWatch {
    /// Watches a shim that this process has started, and will reap.
    pub fn own(shim: SpawnedShim, news: Recipient<ShimNews>) -> Self {
        let SpawnedShim { identity, pidfd, status } = shim;
        let pidfd = Arc::new(pidfd);
        let (collected, wait_collected) = oneshot::channel();
        let listen = listen(status, identity.boot_id.clone(), news.clone(), wait_collected);
        let tasks = vec![
            tokio::task::spawn_local(wait_for_end(Arc::clone(&pidfd), news)),
            tokio::task::spawn_local(listen),
        ];
        Self { identity, pidfd, collected: Some(collected), tasks, is_own: true }
    }

    /// Watches a shim that an earlier daemon has started; none when it has ended meanwhile.
    ///
    /// # Errors
    /// Its identity cannot be checked.
    pub fn adopted(
        identity: ProcessIdentity,
        news: Recipient<ShimNews>,
    ) -> io::Result<Option<Self>> {
        let Some(pidfd) = PidFd::open(&identity)? else { return Ok(None) };
        let pidfd = Arc::new(pidfd);
        let tasks = vec![tokio::task::spawn_local(wait_for_end(Arc::clone(&pidfd), news))];
        Ok(Some(Self { identity, pidfd, collected: None, tasks, is_own: false }))
    }

    /// Whether this process has started it, and hears it through its status pipe.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Who it is.
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// Has it end its tree, by its stop ladder. Asking twice is safe; so is asking one that has ended.
    ///
    /// # Errors
    /// The signal is not permitted.
    pub fn ask_to_stop(&self) -> io::Result<()> {
        self.pidfd.signal(Signal::SIGTERM).map(|_delivery| ())
    }

    /// Closes our end of the status pipe: the shim then knows that its record was dealt with.
    pub fn close_status(&mut self) {
        drop(self.collected.take());
    }

    /// Reaps it after its end. A shim that an earlier daemon started is not our child and reaped by init.
    pub fn reap(&self) {
        match reap_pidfd(&*self.pidfd) {
            Ok(_end) => {}
            Err(error) if error.raw_os_error() == Some(NOT_OUR_CHILD) => {}
            Err(error) => {
                tracing::warn!(pid = self.identity.pid, %error, "cannot reap a shim");
            }
        }
    }
}

impl Drop for ShimWatch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn wait_for_end(pidfd: Arc<PidFd>, news: Recipient<ShimNews>) {
    match watch(ByArc(pidfd)) {
        Ok(watched) => match watched.readable().await {
            Ok(_ready) => news.do_send(ShimNews::Gone),
            Err(error) => tracing::error!(%error, "cannot wait for a shim"),
        },
        Err(error) => tracing::error!(%error, "cannot watch a shim"),
    }
}

/// Reads lines until the shim is done, then keeps the pipe open until its record was collected.
async fn listen(
    status: StatusPipe,
    boot_id: String,
    news: Recipient<ShimNews>,
    collected: oneshot::Receiver<()>,
) {
    let mut watched = match watch(status) {
        Ok(watched) => watched,
        Err(error) => {
            tracing::error!(%error, "cannot watch a status pipe");
            return;
        }
    };
    loop {
        let read = match watched.readable_mut().await {
            Ok(mut ready) => {
                let read = ready.get_inner_mut().read();
                ready.clear_ready();
                read
            }
            Err(error) => Err(error),
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "cannot read a status pipe");
                return;
            }
        };
        for line in read.lines {
            match line {
                StatusLine::Started { pid, start_ticks } => {
                    let boot_id = boot_id.clone();
                    news.do_send(ShimNews::WorkerStarted(ProcessIdentity {
                        boot_id,
                        pid,
                        start_ticks,
                    }));
                }
                StatusLine::Exit => {
                    news.do_send(ShimNews::ExitRecorded);
                    // Either way of ending says the same: the actor is done with the record, or gone.
                    drop(collected.await);
                    return;
                }
            }
        }
        if read.is_closed {
            return;
        }
    }
}

/// Lets a shared descriptor be watched.
struct ByArc(Arc<PidFd>);

impl AsRawFd for ByArc {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
