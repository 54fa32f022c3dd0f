//! The text format of Prometheus, version 0.0.4: families of samples, each with its help and its kind.
//!
//! See <https://prometheus.io/docs/instrumenting/exposition_formats/>. It is a page of rules; writing it takes less than a registry
//! of metrics would, and everything that is shown is counted elsewhere already.

use std::fmt::Write as _;

use crate::actors::figures::HistogramNow;

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

/// Labels of a sample: names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.head(name, kind, help);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!(
            "# HELP {name} {}",
            help.replace('\\', "\\\\").replace('\n', "\\n")
        ));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.line(format_args!("{name}{} {value}", braces(labels)));
    }

    /// A family of one sample without labels.
    pub(super) fn single(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        value: impl std::fmt::Display,
    ) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A histogram; `unit` is how many of what it counts make one of what is shown.
    pub(super) fn histogram(&mut self, name: &str, help: &str, unit: u32, now: &HistogramNow) {
        self.head(name, "histogram", help);
        let in_unit = |value: u64| in_units(value, unit);
        let bucket = format!("{name}_bucket");
        for (bound, count) in &now.up_to {
            self.sample(&bucket, &[("le", &in_unit(*bound))], count);
        }
        self.sample(&bucket, &[("le", "+Inf")], now.count);
        self.sample(&format!("{name}_sum"), &[], in_unit(now.sum));
        self.sample(&format!("{name}_count"), &[], now.count);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _is_written = writeln!(self.text, "{line}").is_ok();
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// `value / unit` as a decimal number, exactly: 1500 with a unit of 1000000 is `0.0015`.
fn in_units(value: u64, unit: u32) -> String {
    let (whole, rest) = (value / u64::from(unit), value % u64::from(unit));
    let digits = usize::try_from(unit.ilog10()).unwrap_or_default();
    let text = format!("{whole}.{rest:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn braces(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_as_the_format_wants_it() {
        let mut page = Page::default();
        page.family("k_tasks", Kind::Gauge, "Tasks.");
        page.sample("k_tasks", &[("board", "a\"b\\c\n"), ("status", "ready")], 3);
        page.single("k_total", Kind::Counter, "All.", 7);
        let now = HistogramNow { up_to: vec![(100, 1), (2_500_000, 2)], count: 3, sum: 10_000_100 };
        page.histogram("k_seconds", "Times.", 1_000_000, &now);
        assert_eq!(
            page.finish(),
            "# HELP k_tasks Tasks.\n# TYPE k_tasks gauge\n\
             k_tasks{board=\"a\\\"b\\\\c\\n\",status=\"ready\"} 3\n\
             # HELP k_total All.\n# TYPE k_total counter\nk_total 7\n\
             # HELP k_seconds Times.\n# TYPE k_seconds histogram\n\
             k_seconds_bucket{le=\"0.0001\"} 1\nk_seconds_bucket{le=\"2.5\"} 2\n\
             k_seconds_bucket{le=\"+Inf\"} 3\nk_seconds_sum 10.0001\nk_seconds_count 3\n"
        );
    }

    #[test]
    fn numbers_are_exact() {
        for (value, unit, expected) in
            [(0, 1, "0"), (10, 1, "10"), (0, 1_000_000, "0"), (10_000_000, 1_000_000, "10")]
        {
            assert_eq!(in_units(value, unit), expected);
        }
    }
}
