//! The table for people and the file for programs.

use serde_json::{Value, json};

use crate::measure::{Compared, Line};

/// An operation may cost so many times more on the largest board than on the smallest.
const GROWTH_MAX: f64 = 2.0;

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

    /// The names, in the order in which they were measured.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lines.iter().filter(|line| line.size == self.smallest).map(|line| line.name)
    }

    /// Of a write the part before its commit counts: how long a disk takes is not the board's doing, and changes by the
    /// minute.
    fn grows_too_much(&self, name: &str) -> bool {
        let finds_more = self.at(name, self.largest).is_some_and(|line| line.finds_more);
        let growth = self.growth(name).map(|(whole, inside)| inside.unwrap_or(whole));
        !finds_more && growth.is_some_and(|growth| growth > GROWTH_MAX)
    }

    /// Whether any operation does.
    pub fn grows(&self) -> bool {
        self.names().any(|name| self.grows_too_much(name))
    }

    pub fn table(&self) -> String {
        let mut out = format!(
            "\n{:38} {:>7} {:>5}  {:>8} {:>8}  {:>8} {:>8}  {:>6} {:>6}  {:>8} {:>7}  {:>6} {:>6}\n",
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
                    let flag = match (self.grows_too_much(name), line.finds_more) {
                        (true, _) => "  GROWS",
                        (false, true) => "  finds more",
                        (false, false) => "",
                    };
                    out += &format!("  {whole:>6.2} {inside:>6}{flag}");
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
                "whole": compared(&line.whole),
                "before_commit": line.inside.as_ref().map(compared),
            })
        });
        let growth = self.names().filter_map(|name| {
            let (whole, inside) = self.growth(name)?;
            let too_much = self.grows_too_much(name);
            Some(json!({
                "operation": name, "whole": whole, "before_commit": inside, "too_much": too_much,
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
the whole and without the commit; GROWS marks more than twofold (of a write: without the commit), unless it finds more.
";
