//! What the kernel's operations cost on a board of 100, 10,000 and 100,000 tasks, on a real file (WAL, synchronous FULL).
//!
//! Beside each operation stand the same SQL statements run bare: recorded from the board, then run with their values
//! through SQLite alone, in transactions of the same size, on a copy of the same file, turn by turn with the operation, so
//! that the disk's moods meet both. In the end both files must hold the same rows.
//!
//! `make bench` runs it. Flags: `--quick` (small boards, few batches: shows that it works, measures nothing), `--check`
//! (fails when an operation grows with the board), `--sizes 100,10000`, `--only WORD`. Without cargo's
//! `--bench`, as under `cargo test`, it is quick.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that cannot go on must fail loudly, and its output is its purpose"
)]

mod filling;
mod measure;
mod reads;
mod replay;
mod report;
mod side;
mod writes;

use std::path::Path;
use std::process::ExitCode;

/// How much is measured.
pub struct Plan {
    /// Tasks on the boards, 100 at least.
    pub sizes: Vec<usize>,
    /// Transactions measured of each writing operation.
    pub batches: usize,
    /// Calls measured of each reading operation.
    pub reads: usize,
    only: Option<String>,
    check: bool,
    /// So little that its figures mean nothing.
    is_quick: bool,
}

impl Plan {
    /// None when nothing is to be run: tests are filtered or listed.
    fn from_arguments(arguments: &[String]) -> Option<Self> {
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let after = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1)
        };
        if !has("--bench") {
            let is_for_a_test = has("--list") || arguments.iter().any(|one| !one.starts_with('-'));
            if is_for_a_test {
                return None;
            }
        }
        let is_quick = has("--quick") || !has("--bench");
        let mut plan = if is_quick {
            Self { sizes: vec![100, 200], batches: 2, reads: 4, only: None, check: false, is_quick }
        } else {
            Self {
                sizes: vec![100, 10_000, 100_000],
                batches: 200,
                reads: 500,
                only: None,
                check: has("--check"),
                is_quick,
            }
        };
        if let Some(sizes) = after("--sizes") {
            plan.sizes = sizes.split(',').map(|size| size.parse().unwrap()).collect();
        }
        plan.only = after("--only").cloned();
        Some(plan)
    }

    /// Whether the operation of this name is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|word| name.contains(word.as_str()))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = Plan::from_arguments(&arguments) else { return ExitCode::SUCCESS };
    // A folder of the build, not of the system's temporary files: those may lie in memory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(target).unwrap();
    let mut lines = Vec::new();
    for size in &plan.sizes {
        let folder = tempfile::tempdir_in(target).unwrap();
        let filled = filling::fill(folder.path(), *size);
        if !plan.is_quick {
            println!("{size} tasks: filled, {} MiB", filled.bytes() >> 20);
        }
        lines.extend(reads::measure_all(&plan, &filled));
        lines.extend(writes::measure_all(&plan, &filled));
    }
    let report = report::Report::new(&plan.sizes, lines);
    if plan.is_quick {
        println!(
            "{} operations can be measured; this quick run says nothing about them",
            report.count()
        );
        return ExitCode::SUCCESS;
    }
    print!("{}", report.table());
    let file = target.parent().unwrap_or(target).join("kernel-bench.json");
    std::fs::write(&file, report.json()).unwrap();
    println!("as JSON: {}", file.display());
    if plan.check && report.grows() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
