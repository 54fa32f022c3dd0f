//! The table for people and the file for programs.

use serde_json::{Value, json};

use crate::measure::{Compared, Line};

/// An operation may cost so many times more on the largest board than on the smallest.
const GROWTH_MAX: f64 = 2.0;

/// And it may look at so many times more there: time above the other bound is then due to deeper trees and pages that are
/// not in the cache.
const STEPS_GROWTH_MAX: f64 = 1.5;

/// How an operation's cost follows the size of the board.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Level,
    /// It looks at as much as before, but takes longer.
    ColdPages,
    /// It has more to find on a larger board.
    FindsMore,
    Grows,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Level => "",
            Self::ColdPages => "cold pages",
            Self::FindsMore => "finds more",
            Self::Grows => "GROWS",
        }
    }
}

pub struct Report {
    smallest: usize,
    largest: usize,
    lines: Vec<Line>,
}

impl Report {
    pub fn new(sizes: &[usize], lines: Vec<Line>) -> Self {
        let smallest = sizes.iter().copied().min().unwrap_or_default();
        let largest = sizes.iter().copied().max().unwrap_or_default();
        Self { smallest, largest, lines }
    }

    fn at(&self, name: &str, size: usize) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name && line.size == size)
    }

    /// Median on the largest board against that on the smallest: of the whole operation, and of what it does before the
    /// commit.
    fn growth(&self, name: &str) -> Option<(f64, Option<f64>)> {
        let (small, large) = (self.at(name, self.smallest)?, self.at(name, self.largest)?);
        let ratio = |large: &Compared, small: &Compared| {
            large.kernel.percentile(50) / small.kernel.percentile(50)
        };
        let inside = large.inside.as_ref().zip(small.inside.as_ref());
        Some((ratio(&large.whole, &small.whole), inside.map(|(large, small)| ratio(large, small))))
    }

    /// How many operations there are.
    pub fn count(&self) -> usize {
        self.names().count()
    }

    /// The names, in the order in which they were measured.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lines.iter().filter(|line| line.size == self.smallest).map(|line| line.name)
    }

    fn steps_growth(&self, name: &str) -> Option<f64> {
        Some(self.at(name, self.largest)?.steps / self.at(name, self.smallest)?.steps)
    }

    /// Of a write the part before its commit counts: how long a disk takes is not the board's doing, and changes by the
    /// minute.
    fn verdict(&self, name: &str) -> Verdict {
        let (Some((whole, inside)), Some(steps)) = (self.growth(name), self.steps_growth(name))
        else {
            return Verdict::Level;
        };
        if self.at(name, self.largest).is_some_and(|line| line.finds_more) {
            return Verdict::FindsMore;
        }
        match (inside.unwrap_or(whole) > GROWTH_MAX, steps > STEPS_GROWTH_MAX) {
            (_, true) => Verdict::Grows,
            (true, false) => Verdict::ColdPages,
            (false, false) => Verdict::Level,
        }
    }

    /// Whether any operation does.
    pub fn grows(&self) -> bool {
        self.names().any(|name| self.verdict(name) == Verdict::Grows)
    }

    pub fn table(&self) -> String {
        let mut out = format!(
            "\n{:38} {:>7} {:>5}  {:>8} {:>8}  {:>8} {:>8}  {:>6} {:>6}  {:>8} {:>7}  {:>6} {:>6} {:>6}\n",
            "operation (microseconds)",
            "tasks",
            "stmts",
            "p50",
            "p99",
            "bare p50",
            "bare p99",
            "x p50",
            "x p99",
            "no wait",
            "x p50",
            "growth",
            "inside",
            "steps",
        );
        for name in self.names() {
            for line in self.lines.iter().filter(|line| line.name == name) {
                let whole = &line.whole;
                let at = |compared: &Compared, percent| compared.kernel.percentile(percent);
                out += &format!(
                    "{name:38} {:>7} {:>5.1}  {:>8.1} {:>8.1}  {:>8.1} {:>8.1}  {:>6.2} {:>6.2}",
                    line.size,
                    line.statements,
                    at(whole, 50),
                    at(whole, 99),
                    whole.bare.percentile(50),
                    whole.bare.percentile(99),
                    whole.ratio(50),
                    whole.ratio(99),
                );
                out += &match &line.inside {
                    Some(inside) => {
                        format!("  {:>8.1} {:>7.2}", at(inside, 50), inside.ratio(50))
                    }
                    None => format!("  {:>8} {:>7}", "", ""),
                };
                if line.size == self.largest
                    && let Some((whole, inside)) = self.growth(name)
                {
                    let inside = inside.map(|inside| format!("{inside:.2}")).unwrap_or_default();
                    let steps = self.steps_growth(name).unwrap_or_default();
                    let word = self.verdict(name).word();
                    out += &format!("  {whole:>6.2} {inside:>6} {steps:>6.2}  {word}");
                }
                out.push('\n');
            }
        }
        out.push_str(LEGEND);
        out
    }

    pub fn json(&self) -> String {
        let compared = |compared: &Compared| {
            json!({
                "p50_us": compared.kernel.percentile(50),
                "p99_us": compared.kernel.percentile(99),
                "bare_p50_us": compared.bare.percentile(50),
                "bare_p99_us": compared.bare.percentile(99),
                "ratio_p50": compared.ratio(50),
                "ratio_p99": compared.ratio(99),
            })
        };
        let lines = self.lines.iter().map(|line| {
            json!({
                "operation": line.name,
                "tasks": line.size,
                "statements": line.statements,
                "steps": line.steps,
                "whole": compared(&line.whole),
                "before_commit": line.inside.as_ref().map(compared),
            })
        });
        let growth = self.names().filter_map(|name| {
            let (whole, inside) = self.growth(name)?;
            let verdict = Some(self.verdict(name).word()).filter(|word| !word.is_empty());
            Some(json!({
                "operation": name, "whole": whole, "before_commit": inside, "steps": self.steps_growth(name), "verdict": verdict,
            }))
        });
        let report = json!({
            "smallest": self.smallest,
            "largest": self.largest,
            "operations": lines.collect::<Vec<Value>>(),
            "growth": growth.collect::<Vec<Value>>(),
        });
        format!("{report:#}\n")
    }
}

const LEGEND: &str = "
bare: the operation's own statements, prepared before, without the kernel. Writes: sixteen operations share a commit, and
its wait for the disk; \"no wait\" is the same without that commit. growth: p50 on the largest board / on the smallest, of
the whole and without the commit; steps: the same of what SQLite looks at. GROWS: it looks at more. cold pages: it takes
more than twice as long (of a write: without the commit) for looking at as much. finds more: it has to.
";
