//! What a thread does to itself.

#![expect(unsafe_code, reason = "setpriority(2) has no safe wrapper")]

use std::io;

use nix::errno::Errno;
use nix::libc;

/// Nice value of a thread that yields: a tenth of the processor time of one that does not, while both want it.
const NICE: libc::c_int = 10;

/// Has the scheduler prefer every other thread to this one, for the rest of its life. On Linux a nice value is that of a thread; see
/// sched(7).
///
/// # Errors
/// setpriority(2) failed.
pub fn yield_to_others() -> io::Result<()> {
    // SAFETY: the call takes three numbers and touches no memory; 0 is the calling thread.
    let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    Errno::result(set)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_yields_is_nice_and_the_others_stay_as_they_were() {
        let nice = || {
            // Field 19 of /proc/thread-self/stat, the 17th behind the name; see proc_pid_stat(5).
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            fields.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = nice();
        let of_thread = std::thread::spawn(move || {
            yield_to_others().unwrap();
            nice()
        });
        assert_eq!(of_thread.join().unwrap(), NICE.max(before));
        assert_eq!(nice(), before);
    }
}
