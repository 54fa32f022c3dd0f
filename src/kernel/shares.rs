//! How the daemon's file descriptors are divided, so that neither runs nor callers can use those up that everything else needs:
//! placing a caller, starting and ending runs, writing their files, reading the board.

/// Descriptors for everything but runs and connections: database, sockets, event loops, files of uploads and downloads.
const RESERVED: u64 = 96;

/// Descriptors that an open run takes: a handle on its shim, its status pipe, and one in its start.
const PER_RUN: u64 = 3;

/// Connections at one time over all doors, however many descriptors there are: each takes some memory too.
const CONNECTIONS_MAX: u64 = 2048;

/// Connections that are allowed however few descriptors there are.
const CONNECTIONS_MIN: u64 = 16;

/// Fewer descriptors than this hold back what a small installation does: `doctor` warns.
pub const DESCRIPTORS_ENOUGH: u64 = 1024;

/// The shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Connections at one time, over all doors.
    pub connections: usize,
    /// Open runs at one time.
    pub runs: u32,
}

/// Divides `descriptors`, the soft limit of open files.
pub fn share(descriptors: u64) -> Shares {
    let free = descriptors.saturating_sub(RESERVED);
    let connections = (free / 2).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    let runs = (free.saturating_sub(connections) / PER_RUN).max(1);
    Shares {
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        runs: u32::try_from(runs).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_connections_leave_the_reserve_and_never_have_nothing() {
        for (descriptors, connections, runs) in [
            (0, 16, 1),
            (90, 16, 1),
            (128, 16, 5),
            (256, 80, 26),
            (1024, 464, 154),
            (4096, 2000, 666),
            (20_000, 2048, 5952),
            (u64::MAX, 2048, u32::MAX),
        ] {
            assert_eq!(share(descriptors), Shares { connections, runs }, "{descriptors}");
        }
    }
}
