//! What `/proc` says of a process.

/// The value of `key` in a file of lines `key: value kB`, in MiB.
fn mib(path: &str, key: &str) -> f64 {
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.split(':').next() == Some(key)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// Memory that is there, MiB.
pub fn rss_mib(pid: i32) -> f64 {
    mib(&format!("/proc/{pid}/status"), "VmRSS")
}

/// The same, with each page that several processes have shared out among them.
pub fn pss_mib(pid: i32) -> f64 {
    mib(&format!("/proc/{pid}/smaps_rollup"), "Pss")
}

/// User and system time so far, clock ticks.
pub fn cpu_ticks(pid: i32) -> u64 {
    kanband::os::processes::proc_stat::cpu_ticks(pid).unwrap()
}

/// How often its threads have gone to sleep so far, which is how often they were woken.
pub fn sleeps(pid: i32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of_thread = |thread: std::fs::DirEntry| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    threads.map(of_thread).sum()
}
