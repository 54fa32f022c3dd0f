//! Removal of old logs.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::format::log_of_segment;
use super::times::log_of_times;

/// How many files of logs are directly in `folder`. The times of a log count with it.
pub fn count_log_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| log_of_times(&entry.path()).is_none()).count()
}

/// Removes the logs directly in `folder` of which nothing was written since `before` (epoch seconds), and the folder when that empties
/// it. Links are neither followed nor removed. Returns how many files went (or would go), as [`count_log_files`] counts.
pub fn remove_logs_older_than(folder: &Path, before: i64, dry_run: bool) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    // A head that is full is as old as its log is young.
    let mut logs: BTreeMap<PathBuf, (i64, Vec<PathBuf>)> = BTreeMap::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(file) = std::fs::symlink_metadata(&path) else { continue };
        if !file.is_file() {
            continue;
        }
        let log = log_of_segment(&path).or_else(|| log_of_times(&path));
        let (written_at, files) = logs.entry(log.unwrap_or_else(|| path.clone())).or_default();
        *written_at = (*written_at).max(file.mtime());
        files.push(path);
    }
    let mut count = 0;
    for (written_at, files) in logs.into_values() {
        if written_at >= before {
            continue;
        }
        for path in files {
            if (dry_run || std::fs::remove_file(&path).is_ok()) && log_of_times(&path).is_none() {
                count += 1;
            }
        }
    }
    if !dry_run && count > 0 {
        // Fails when something is left in it, and then it stays.
        drop(std::fs::remove_dir(folder));
    }
    count
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::format::segment_path;
    use super::super::times::times_path;
    use super::*;

    #[test]
    fn only_old_regular_files_go_and_a_log_goes_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        std::fs::create_dir(&folder).unwrap();
        let write = |path: &Path, at: u64| {
            let file = File::create(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(at)).unwrap();
        };
        let (first, second) = (folder.join("1.log"), folder.join("2.log"));
        for (log, written_at) in [(&first, 100), (&second, 300)] {
            write(log, 50);
            write(&segment_path(log, 0), 60);
            write(&segment_path(log, 1), written_at);
            write(&times_path(log), 40);
        }
        std::fs::create_dir(folder.join("sub")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        assert_eq!(remove_logs_older_than(&folder, 100, false), 0);
        assert_eq!(remove_logs_older_than(&folder, 200, true), 3);
        assert_eq!(count_log_files(&folder), 8, "three of each, a folder and a link");
        assert_eq!(remove_logs_older_than(&folder, 200, false), 3);
        assert!(!first.exists() && !times_path(&first).exists());
        assert!(second.exists() && times_path(&second).exists(), "its end is younger");
        assert_eq!(remove_logs_older_than(&folder, i64::MAX, false), 3);
        assert!(folder.join("sub").exists() && folder.join("link").symlink_metadata().is_ok());
    }
}
