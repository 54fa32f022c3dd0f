//! The worker's output on its way to the log.

use kanband::os::run_files::log::read_log;
use nix::sys::signal::Signal;

use crate::harness::{Run, until};

#[test]
fn both_streams_are_captured_in_their_order() {
    let run = Run::of_script("echo one; echo two >&2; printf three");
    assert_eq!(run.finish().log_bytes, 13);
    assert_eq!(run.log(), "one\ntwo\nthree");
}

#[test]
fn output_of_a_process_left_behind_is_captured_too() {
    let left_behind =
        "exec 2> /dev/null; trap 'echo bye; exit' TERM; touch up; while :; do sleep 0.01; done";
    let script = format!("({left_behind}) & while ! [ -e up ]; do sleep 0.01; done; echo worker");
    let run = Run::of_script(&script);
    run.finish();
    assert_eq!(run.log(), "worker\nbye\n");
}

#[test]
fn head_and_tail_of_a_long_output_are_kept_and_everything_is_counted() {
    let mut run = Run::of_script("seq 1000000 1999999");
    run.spec.log.head_bytes = 800;
    run.spec.log.tail_bytes = 8_000;
    assert_eq!(run.finish().log_bytes, 8_000_000);
    let text = read_log(&run.spec.log.path, None).unwrap().unwrap();
    let text_lines = String::from_utf8(text.bytes).unwrap();
    let marker = format!("… [{} bytes omitted] …", text.omitted);
    assert!(text_lines.starts_with("1000000\n1000001\n"));
    assert!(text_lines.contains(&format!("1000099\n{marker}\n")), "{}", &text_lines[..900]);
    assert!(text_lines.ends_with("1999998\n1999999\n"));
    assert!(text_lines.lines().count() > 100 + 1_000);
}

#[test]
fn a_secret_does_not_reach_the_log_however_it_is_written() {
    let mut run = Run::of_script("printf 'key=hun'; sleep 0.05; printf 'ter2!\\nhunter2\\nhunt'");
    run.spec.log.redact = vec!["hunter2".to_owned()];
    // What is taken from the worker is counted, not what is written.
    assert_eq!(run.finish().log_bytes, 25);
    assert_eq!(run.log(), "key=[redacted]!\n[redacted]\nhunt");
}

#[test]
fn a_secret_that_is_written_byte_by_byte_over_the_end_of_the_head_leaves_no_piece() {
    let secret = "hunter2-0123456789";
    let script = format!(
        "seq 1 20; for n in $(seq 1 {}); do printf %s $(printf %s {secret} | cut -c$n); done; seq 1 2000",
        secret.len()
    );
    for head_bytes in 51..51 + 18 {
        let mut run = Run::of_script(&script);
        run.spec.log.head_bytes = head_bytes;
        run.spec.log.tail_bytes = 4_096;
        run.spec.log.redact = vec![secret.to_owned()];
        run.finish();
        let text = read_log(&run.spec.log.path, None).unwrap().unwrap();
        let text = String::from_utf8(text.bytes).unwrap();
        assert!(text.starts_with("1\n2\n3\n"), "{text}");
        for piece in ["hunt", "ter2", "r2-0", "2345", "6789"] {
            let head = text.split("omitted").next().unwrap();
            assert!(!head.contains(piece), "{head_bytes}: {head}");
        }
    }
}

#[test]
fn a_secret_is_known_in_what_programs_make_of_it_and_line_by_line() {
    let key = "MIIEvQIBADANBg\nkqhkiG9w0BAQEF";
    let mut run = Run::of_script(
        "printf %s \"$KEY\" | sed 's/^/  /'; echo; printf %s \"$WORD\" | base64; printf 'x%s' \"$WORD\" | base64; \
         printf %s \"$WORD\" | od -An -tx1 -v | tr -d ' '; echo done",
    );
    run.spec.env.insert("KEY".to_owned(), key.to_owned());
    run.spec.env.insert("WORD".to_owned(), "hunter22".to_owned());
    run.spec.log.redact = vec![key.to_owned(), "hunter22".to_owned()];
    run.finish();
    let log = run.log();
    assert!(log.starts_with("  [redacted]\n  [redacted]\n[redacted]\n"), "{log}");
    assert!(log.ends_with("[redacted]\ndone\n"), "{log}");
    // In the middle of something, the characters at its ends belong to its neighbours too.
    assert!(log.contains("\neG[redacted]") || log.contains("\neGh[redacted]"), "{log}");
}

#[test]
fn a_worker_that_outruns_its_pace_waits() {
    let mut run = Run::of_script("head -c 1000000 /dev/zero; touch written; sleep 600");
    run.spec.log.pace_bytes_per_second = 1;
    let shim = run.start();
    until("the first output", || {
        std::fs::metadata(&run.spec.log.path).ok().filter(|log| log.len() >= 8_192)
    });
    // Time enough for a worker that does not wait: another one writes a hundred times as much meanwhile.
    let mut unpaced = Run::of_script("head -c 100000000 /dev/zero");
    unpaced.spec.log.pace_bytes_per_second = 0;
    assert_eq!(unpaced.finish().log_bytes, 100_000_000);
    shim.signal(Signal::SIGQUIT);
    let record = run.finished(shim);
    // What one burst takes and what a pipe holds; all the rest was held back in the worker.
    assert!(record.log_bytes < 100_000, "{} bytes", record.log_bytes);
    assert!(!run.work("written").exists());
}

#[test]
fn a_worker_that_closes_its_output_runs_on() {
    let run = Run::of_script("exec >&- 2>&-; sleep 0.05; touch ran; exit 4");
    assert_eq!(run.finish().code, Some(4));
    assert!(run.work("ran").exists());
}

#[test]
fn a_log_that_takes_nothing_does_not_stop_the_worker() {
    let mut run = Run::of_script("head -c 200000 /dev/zero; exit 5");
    run.spec.log.head_bytes = 300_000;
    // The limit is the shim's own here, set before it starts, and the worker inherits it: only what the
    // shim writes goes to a file.
    let record = run.finish_by("ulimit -f 64; exec");
    assert_eq!((record.code, record.log_bytes), (Some(5), 200_000));
    // `ulimit -f` counts blocks of 512 bytes.
    assert_eq!(record.log_lost_bytes, 200_000 - 64 * 512);
}
