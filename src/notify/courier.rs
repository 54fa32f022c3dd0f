//! What the program does all day: ask for rows, send them side by side, say what became of each.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet, spawn_local};
use tokio::time::timeout;

use crate::failpoint;
use crate::kernel::notice::{
    ChannelReport, ChannelState, Channels, Edit, LeaseRequest, Leased, Outcome, RateScope, Row,
    SettleRequest, Settled,
};
use crate::notify::channel::{Channel, Surroundings};
use crate::notify::credential::CredentialFolder;
use crate::notify::daemon::{CALL_TIME, DaemonClient, DaemonError, Pause};
use crate::notify::http::tls::Tls;
use crate::notify::inbound::listening::{Listener, listen};
use crate::notify::outcome;

/// Rows that are asked for at a time, and that are under way at a time.
const LEASED_MAX: usize = 64;

/// Longest wait for a row in one call. Nothing happens meanwhile, on either side.
const LEASE_WAIT: Duration = Duration::from_secs(300);

/// How long the end waits for what is under way.
const END_TIME: Duration = Duration::from_secs(5);

/// What the program was started with.
pub struct Settings {
    /// The daemon's socket for it.
    pub socket: PathBuf,
    /// Where credentials are.
    pub credentials: CredentialFolder,
}

/// Counts what is under way, and wakes who waits for less of it.
#[derive(Default)]
struct UnderWay {
    count: Cell<usize>,
    fewer: Notify,
}

/// Runs until `stop` is notified, through every absence of the daemon.
pub async fn run(settings: &Settings, stop: &Notify) {
    let (results, queue) = unbounded_channel();
    let settling = spawn_local(settle_all(settings.socket.clone(), queue));
    let under_way = Rc::new(UnderWay::default());
    tokio::select! {
        () = stop.notified() => {}
        () = work(settings, &results, &under_way) => {}
    }
    // What was sent is reported, as far as time allows: a message whose result is lost may come twice.
    drop(results);
    let all_sent = async {
        while under_way.count.get() > 0 {
            under_way.fewer.notified().await;
        }
    };
    let is_done = timeout(END_TIME, all_sent).await.is_ok();
    let is_settled = timeout(END_TIME, settling).await.is_ok();
    if !is_done || !is_settled {
        tracing::warn!("ended before everything that was sent was reported to the daemon");
    }
}

/// Asks and sends, without an end.
async fn work(settings: &Settings, results: &UnboundedSender<Settled>, under_way: &Rc<UnderWay>) {
    let mut daemon = DaemonClient::new(settings.socket.clone());
    let mut pause = Pause::default();
    loop {
        let listing: Result<Channels, DaemonError> =
            daemon.get("/v1/courier/channels", CALL_TIME).await;
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                pause.after(&error).await;
                continue;
            }
        };
        pause.end();
        let channels = channels_of(settings, &listing);
        report(&mut daemon, &channels).await;
        // Ended with the channels: what was not done with is heard again.
        let _listeners = listeners(settings, &listing, &channels);
        let lease_time = Duration::from_millis(listing.lease_ms);
        let attempt_time = Duration::from_millis(listing.attempt_ms);
        let rounds = Rounds {
            channels,
            results,
            under_way,
            patience: lease_time.saturating_sub(attempt_time),
        };
        if let Err(error) = rounds.lease_until_changed(&mut daemon, &listing.version).await {
            pause.after(&error).await;
        }
    }
}

fn channels_of(settings: &Settings, listing: &Channels) -> BTreeMap<String, Rc<Channel>> {
    let surroundings = Surroundings {
        credentials: settings.credentials.clone(),
        tls: Tls::of_host().map_err(|error| error.to_string()),
        attempt_time: Duration::from_millis(listing.attempt_ms),
    };
    let made = listing.channels.iter().map(|setting| {
        let channel = Channel::new(setting, &surroundings);
        match channel.fault() {
            Some(why) => {
                tracing::warn!(channel = setting.name, why, "the channel cannot be used");
            }
            None => {
                tracing::info!(channel = setting.name, kind = setting.kind, "the channel is ready");
            }
        }
        (setting.name.clone(), Rc::new(channel))
    });
    made.collect()
}

/// Listens to the channels that have a way in.
fn listeners(
    settings: &Settings,
    listing: &Channels,
    channels: &BTreeMap<String, Rc<Channel>>,
) -> JoinSet<()> {
    let mut listeners = JoinSet::new();
    for channel in channels.values() {
        let Some(bridge) = channel.bridge(Duration::from_millis(listing.poll_ms)) else {
            continue;
        };
        let listener = Listener { channel: channel.name.clone(), socket: settings.socket.clone() };
        listeners.spawn_local(listen(listener, bridge));
    }
    listeners
}

/// Says which channels can be used, and why the others cannot.
async fn report(daemon: &mut DaemonClient, channels: &BTreeMap<String, Rc<Channel>>) {
    for channel in channels.values() {
        let is_broken = channel.fault().is_some();
        let report = ChannelReport {
            channel: channel.name.clone(),
            state: if is_broken { ChannelState::Broken } else { ChannelState::Ok },
            reason: channel.fault().map(str::to_owned),
        };
        let said: Result<serde_json::Value, _> =
            daemon.post("/v1/courier/report", &report, CALL_TIME).await;
        if let Err(error) = said {
            tracing::warn!(%error, channel = channel.name, "cannot report the channel");
        }
    }
}

/// Leases of one state of the configuration.
struct Rounds<'a> {
    channels: BTreeMap<String, Rc<Channel>>,
    results: &'a UnboundedSender<Settled>,
    under_way: &'a Rc<UnderWay>,
    /// How long after its lease an attempt may still begin.
    patience: Duration,
}

impl Rounds<'_> {
    /// Until the configuration is another one.
    async fn lease_until_changed(
        &self,
        daemon: &mut DaemonClient,
        version: &str,
    ) -> Result<(), DaemonError> {
        loop {
            while self.under_way.count.get() >= LEASED_MAX {
                self.under_way.fewer.notified().await;
            }
            let free = LEASED_MAX - self.under_way.count.get();
            let request = LeaseRequest {
                max: u32::try_from(free).unwrap_or(1),
                wait_ms: u64::try_from(LEASE_WAIT.as_millis()).unwrap_or(0),
                version: Some(version.to_owned()),
            };
            let leased: Leased =
                daemon.post("/v1/outbox/lease", &request, LEASE_WAIT + CALL_TIME).await?;
            let since = Instant::now();
            for row in leased.rows {
                self.start(Job::Row(Box::new(row)), since);
            }
            for edit in leased.edits {
                self.start(Job::Edit(Box::new(edit)), since);
            }
            if leased.reload {
                return Ok(());
            }
        }
    }

    /// Sends one beside the others.
    fn start(&self, job: Job, since: Instant) {
        let channel = self.channels.get(job.channel()).cloned();
        let (results, under_way) = (self.results.clone(), Rc::clone(self.under_way));
        under_way.count.set(under_way.count.get() + 1);
        let patience = self.patience;
        spawn_local(async move {
            let (id, is_edit, lease) = job.name();
            // On a task of its own, so that a fault in a renderer is one message's.
            let sending: JoinHandle<Outcome> = spawn_local(attempt(channel, job, since, patience));
            let outcome = sending.await.unwrap_or_else(|error| {
                outcome::permanent("fault", &format!("a fault of the courier: {error}"))
            });
            failpoint::hit("courier-before-settle");
            // Nobody takes it only when the program ends.
            let _is_taken = results.send(Settled { id, is_edit, lease, outcome }).is_ok();
            under_way.count.set(under_way.count.get().saturating_sub(1));
            under_way.fewer.notify_one();
        });
    }
}

enum Job {
    Row(Box<Row>),
    Edit(Box<Edit>),
}

impl Job {
    fn channel(&self) -> &str {
        match self {
            Self::Row(row) => &row.channel,
            Self::Edit(edit) => &edit.channel,
        }
    }

    fn name(&self) -> (i64, bool, String) {
        match self {
            Self::Row(row) => (row.id, false, row.lease.clone()),
            Self::Edit(edit) => (edit.id, true, edit.lease.clone()),
        }
    }
}

async fn attempt(
    channel: Option<Rc<Channel>>,
    job: Job,
    since: Instant,
    patience: Duration,
) -> Outcome {
    let Some(channel) = channel else {
        return outcome::channel_dead(
            "no_channel",
            &format!("there is no channel `{}`", job.channel()),
        );
    };
    let Ok(_seat) = channel.seats.acquire().await else {
        return outcome::temporary("ended", "the courier ends");
    };
    if since.elapsed() > patience {
        // Nothing was sent, and an attempt might outlive the lease: it goes back as it was.
        return Outcome::Rate { after_ms: 0, scope: RateScope::Route };
    }
    failpoint::hit("courier-before-send");
    match &job {
        Job::Row(row) => channel.send(row).await,
        Job::Edit(edit) => channel.edit(edit).await,
    }
}

/// Says what became of messages, again until the daemon has heard it.
async fn settle_all(socket: PathBuf, mut queue: UnboundedReceiver<Settled>) {
    let mut daemon = DaemonClient::new(socket);
    let mut pause = Pause::default();
    while let Some(first) = queue.recv().await {
        let mut results = vec![first];
        while results.len() < LEASED_MAX
            && let Ok(next) = queue.try_recv()
        {
            results.push(next);
        }
        let request = SettleRequest { results };
        loop {
            let settled: Result<serde_json::Value, _> =
                daemon.post("/v1/outbox/settle", &request, CALL_TIME).await;
            match settled {
                Ok(_) => break,
                Err(DaemonError::Refused(why)) => {
                    tracing::error!(why, "the daemon refuses what became of messages");
                    break;
                }
                Err(error) => pause.after(&error).await,
            }
        }
        pause.end();
    }
}
