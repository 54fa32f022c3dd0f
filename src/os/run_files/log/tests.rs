//! Writer and reader together, on real files.

use std::fs::OpenOptions;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::format::HEADER_BYTES;
use super::*;

/// Numbered lines of eight bytes: `0000000\n`, `0000001\n`, …
fn numbered(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{number:07}\n").into_bytes()).collect()
}

fn written(head: u64, tail: u64, bytes: &[u8], piece: usize) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("run.log");
    let mut log = RunLogWriter::open(&path, head, tail).unwrap();
    for chunk in bytes.chunks(piece) {
        log.write(chunk);
    }
    assert_eq!(log.lost_bytes(), 0);
    (temp, path)
}

fn text(path: &Path, tail: Option<u64>) -> (String, u64) {
    let read = read_log(path, tail).unwrap().expect("there is a log");
    (String::from_utf8(read.bytes).unwrap(), read.omitted)
}

#[test]
fn head_and_at_least_the_wanted_tail_are_kept_whatever_the_length() {
    let (head, tail) = (1_000, 4_096);
    for length in [0, 1, 999, 1_000, 1_001, 5_096, 5_097, 9_191, 9_192, 9_193, 60_000] {
        for piece in [1, 7, 4_096, 65_536] {
            let bytes = &numbered(8_000)[..length];
            let (_temp, path) = written(head, tail, bytes, piece);
            let read = read_log(&path, None).unwrap().unwrap();
            let omitted = usize::try_from(read.omitted).unwrap();
            let what = format!("{length} bytes in pieces of {piece}");
            if omitted == 0 {
                assert_eq!(read.bytes, bytes, "{what}");
                continue;
            }
            let marker = format!("… [{omitted} bytes omitted] …\n");
            let expected = [&bytes[..1_000], marker.as_bytes(), &bytes[1_000 + omitted..]].concat();
            assert_eq!(read.bytes, expected, "{what}");
            let kept = length - 1_000 - omitted;
            assert!((4_096..=2 * 4_096).contains(&kept), "{what}: {kept} kept of the end");
        }
    }
}

#[test]
fn the_files_never_grow_beyond_their_bounds_and_are_private() {
    let (temp, path) = written(1_000, 4_096, &numbered(20_000), 65_536);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(temp.path()).unwrap() {
        let entry = entry.unwrap();
        let seen = entry.metadata().unwrap();
        assert_eq!(seen.permissions().mode() & 0o7777, 0o600);
        assert!(seen.len() <= 4_096 + u64::try_from(HEADER_BYTES).unwrap());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["run.log", "run.log.tail.0", "run.log.tail.1"]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1_000);
}

#[test]
fn a_window_begins_with_a_whole_line_and_loses_none_that_it_holds() {
    let (_temp, path) = written(1 << 20, 4_096, &numbered(10), 80);
    let cases = [
        (16, "0000008\n0000009\n", 64),
        (15, "0000009\n", 72),
        (9, "0000009\n", 72),
        (8, "0000009\n", 72),
        // Inside one line: as it is.
        (7, "000009\n", 73),
        (1, "\n", 79),
        (0, "", 80),
    ];
    for (window, expected, omitted) in cases {
        assert_eq!(text(&path, Some(window)), (expected.to_owned(), omitted), "--tail {window}");
    }
    for window in [80, 81, u64::MAX] {
        assert_eq!(text(&path, Some(window)).1, 0, "--tail {window}");
    }
    let (_temp, path) = written(1 << 20, 4_096, &[b'x'; 500], 80);
    assert_eq!(text(&path, Some(100)), ("x".repeat(100), 400));
}

#[test]
fn a_window_over_the_gap_counts_what_the_log_lost_and_what_it_left_out() {
    let bytes = numbered(3_000);
    let (_temp, path) = written(800, 4_096, &bytes, 1_000);
    let (whole, lost) = text(&path, None);
    assert!(lost > 0 && whole.contains(&format!("[{lost} bytes omitted]")));
    let kept_tail = u64::try_from(bytes.len()).unwrap() - 800 - lost;
    // Exactly the tail: its first line is whole.
    let (window, omitted) = text(&path, Some(kept_tail));
    assert_eq!((window.len() as u64, omitted), (kept_tail, lost + 800));
    // One byte more falls into the marker, which is no output and is left out with its line.
    assert_eq!(text(&path, Some(kept_tail + 1)), (window, omitted));
    let marker = format!("… [{lost} bytes omitted] …\n");
    let into_head = kept_tail + length(marker.as_bytes()) + 8;
    let (window, omitted) = text(&path, Some(into_head));
    assert!(window.starts_with(&format!("0000099\n{marker}")), "{}", &window[..80]);
    assert_eq!(omitted, lost + 792);
}

#[test]
fn a_log_begins_empty_and_replaces_no_link() {
    let (temp, path) = written(100, 4_096, &numbered(2_000), 1_000);
    let mut log = RunLogWriter::open(&path, 100, 4_096).unwrap();
    assert_eq!(text(&path, None), (String::new(), 0));
    log.write(b"again\n");
    assert_eq!(text(&path, None), ("again\n".to_owned(), 0));
    let precious = temp.path().join("precious");
    std::fs::write(&precious, "kept").unwrap();
    let link = temp.path().join("link");
    symlink(&precious, &link).unwrap();
    assert!(RunLogWriter::open(&link, 100, 4_096).is_err());
    assert!(RunLogWriter::open(temp.path(), 100, 4_096).is_err());
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "kept");
    assert_eq!(read_log(&temp.path().join("none"), None).unwrap(), None);
}

#[test]
fn what_a_full_disk_takes_is_counted_and_told_in_its_place() {
    // /dev/full refuses every write with ENOSPC.
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("run.log");
    let mut log = RunLogWriter::open(&path, 20, 4_096).unwrap();
    log.write(b"before\n");
    log.with_output_to(&full(), |log| log.write(b"123456"));
    log.write(b"after\n");
    let expected = "before\n\n… [6 bytes lost: No space left on device (os error 28)] …\nafter\n";
    assert_eq!((text(&path, None).0.as_str(), log.lost_bytes()), (expected, 6));

    // The head is full up to one byte; the tail's first segment cannot be begun.
    log.write(b"\n");
    log.with_output_to(&full(), |log| log.write(b"abc"));
    log.write(b"def\n");
    let (read, omitted) = text(&path, None);
    assert!(read.ends_with("\n\n… [3 bytes lost: No space left on device (os error 28)] …\ndef\n"));
    assert_eq!((omitted, log.lost_bytes()), (0, 9), "the line in its place counts it");
}

fn full() -> File {
    OpenOptions::new().append(true).open("/dev/full").unwrap()
}

#[test]
fn a_log_that_is_being_written_reads_without_a_silent_gap() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("run.log");
    let mut log = RunLogWriter::open(&path, 800, 4_096).unwrap();
    let bytes = numbered(400_000);
    let writer = std::thread::spawn(move || {
        for chunk in bytes.chunks(1_024) {
            log.write(chunk);
        }
    });
    while !writer.is_finished() {
        let (read, _omitted) = text(&path, None);
        let mut expected = None;
        for line in read.lines() {
            // The last line may be seen half written; the marker stands for any number of lines.
            let number = line.parse::<u64>().ok().filter(|_number| line.len() == 7);
            if let (Some(expected), Some(number)) = (expected, number) {
                assert_eq!(
                    number, expected,
                    "lines are missing or out of order, and nothing says so"
                );
            }
            expected = number.map(|number| number + 1);
        }
    }
    writer.join().unwrap();
}
