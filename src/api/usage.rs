//! Counts of callers and requests at the edge, for the service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::gate::ledger::Thing;
use crate::api::gate::party::Class;
use crate::api::gate::{Gate, Turned};
use crate::service::usage::{Callers, EdgeUsage, RequestCount};

/// Requests by operation.
#[derive(Debug, Clone)]
pub struct RequestFigures(Arc<[Answered]>);

/// Requests of one operation.
#[derive(Debug)]
struct Answered {
    operation: &'static str,
    all: AtomicU64,
    refused: AtomicU64,
}

impl RequestFigures {
    /// None yet, of the operations with these names, in the order of the table.
    pub fn new(operations: impl Iterator<Item = &'static str>) -> Self {
        let none = |operation| Answered {
            operation,
            all: AtomicU64::default(),
            refused: AtomicU64::default(),
        };
        Self(operations.map(none).collect())
    }

    /// A request of the operation at `index` of the table was answered.
    pub fn count(&self, index: usize, is_ok: bool) {
        if let Some(answered) = self.0.get(index) {
            answered.all.fetch_add(1, Ordering::Relaxed);
            answered.refused.fetch_add(u64::from(!is_ok), Ordering::Relaxed);
        }
    }
}

/// The counts of the gate and of requests; cheap to clone.
#[derive(Clone)]
pub struct Usage {
    /// Who has how much of what.
    pub gate: Gate,
    /// What has been counted of requests.
    pub requests: RequestFigures,
}

impl Usage {
    /// Nobody yet, at a gate with room for so many connections, and no request of these operations.
    pub fn new(connections: usize, operations: impl Iterator<Item = &'static str>) -> Self {
        Self { gate: Gate::new(connections), requests: RequestFigures::new(operations) }
    }
}

impl EdgeUsage for Usage {
    fn callers(&self) -> Vec<Callers> {
        Class::ALL.iter().rev().map(|class| callers(&self.gate, *class)).collect()
    }

    fn turned_away(&self) -> BTreeMap<String, u64> {
        let count = |why: &Turned| (why.as_str().to_owned(), self.gate.turned_away(*why));
        Turned::ALL.iter().map(count).collect()
    }

    fn requests(&self) -> Vec<RequestCount> {
        let count = |answered: &Answered| RequestCount {
            operation: answered.operation,
            all: answered.all.load(Ordering::Relaxed),
            refused: answered.refused.load(Ordering::Relaxed),
        };
        self.requests.0.iter().map(count).collect()
    }
}

fn callers(gate: &Gate, class: Class) -> Callers {
    let used = |thing| gate.usage(class, thing).0;
    let (connections, connections_max) = gate.usage(class, Thing::Connections);
    Callers {
        kind: class.as_str().to_owned(),
        connections,
        connections_max,
        streams: used(Thing::Streams),
        files: used(Thing::Uploads) + used(Thing::Downloads),
        bytes: used(Thing::BodyBytes) + used(Thing::ReplyBytes),
    }
}
