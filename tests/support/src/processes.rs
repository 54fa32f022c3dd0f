//! Looking at processes from outside: who is there, and whose they are.

use std::path::Path;

/// Every PID there is.
pub fn all_pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: i32) -> bool {
    let Ok(text) = std::fs::read(format!("/proc/{pid}/stat")) else { return false };
    let text = String::from_utf8_lossy(&text);
    !text.rsplit(')').next().unwrap().trim_start().starts_with(['Z', 'X'])
}

/// Processes that are alive and have `mark` in their environment.
pub fn marked(mark: &[u8]) -> Vec<i32> {
    let is_marked = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|window| window == mark) && is_alive(*pid)
    };
    all_pids().into_iter().filter(is_marked).collect()
}

/// Processes that are alive and whose environment names `home`: everything that belongs to a test's daemon.
pub fn processes_of(home: &Path) -> Vec<i32> {
    marked(home.as_os_str().as_encoded_bytes())
}
