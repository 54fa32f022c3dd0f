//! Samples, goals, the table for people and the file for programs.

use std::time::Duration;

use serde_json::{Value, json};

/// Figures of one kind, in whatever unit their line says.
#[derive(Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn add_ms(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1e3);
    }

    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * percent / 100]
    }
}

/// What a figure is to be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It stands there for itself.
    None,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
            Self::None => String::new(),
        }
    }
}

/// One figure. A goal is about the median.
struct Line {
    name: String,
    unit: &'static str,
    samples: usize,
    p50: f64,
    p99: f64,
    goal: Goal,
}

impl Line {
    fn is_met(&self) -> bool {
        self.goal.is_met(self.p50)
    }
}

#[derive(Default)]
pub struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// A figure of which there are several samples.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, of: &Samples, goal: Goal) {
        let (p50, p99) = (of.percentile(50), of.percentile(99));
        self.lines.push(Line { name: name.into(), unit, samples: of.0.len(), p50, p99, goal });
    }

    /// A figure of which there is one.
    pub fn add_one(&mut self, name: impl Into<String>, unit: &'static str, value: f64, goal: Goal) {
        let mut samples = Samples::default();
        samples.add(value);
        self.add(name, unit, &samples, goal);
    }

    /// Both percentiles of one figure against those of another.
    pub fn add_ratio(&mut self, name: &str, of: &Samples, to: &Samples, goal: Goal) {
        let at = |percent| of.percentile(percent) / to.percentile(percent);
        let (name, samples) = (name.to_owned(), of.0.len());
        self.lines.push(Line { name, unit: "x", samples, p50: at(50), p99: at(99), goal });
    }

    /// How many figures there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    pub fn misses_a_goal(&self) -> bool {
        self.lines.iter().any(|line| !line.is_met())
    }

    pub fn table(&self) -> String {
        let mut out = format!(
            "\n{:56} {:6} {:>7} {:>10} {:>10}  {}\n",
            "figure", "unit", "samples", "p50", "p99", "goal (p50)"
        );
        for line in &self.lines {
            let word = if line.is_met() { "" } else { "  MISSED" };
            let row = format!(
                "{:56} {:6} {:>7} {:>10.3} {:>10.3}  {}{word}",
                line.name,
                line.unit,
                line.samples,
                line.p50,
                line.p99,
                line.goal.text()
            );
            out += row.trim_end();
            out.push('\n');
        }
        out
    }

    pub fn json(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            json!({
                "figure": line.name, "unit": line.unit, "samples": line.samples, "p50": line.p50, "p99": line.p99,
                "goal": line.goal.text(), "is_met": line.is_met(),
            })
        });
        format!("{:#}\n", json!({ "figures": lines.collect::<Vec<Value>>() }))
    }
}
