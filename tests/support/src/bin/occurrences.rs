//! Prints the occurrences of cron expressions: one JSON line for each line `EXPR<TAB>ZONE<TAB>FROM<TAB>UNTIL` of the standard
//! input. FROM and UNTIL are seconds since 1970, and occurrences lie in `FROM < t <= UNTIL`. A line `EXPR` alone is only read.

use std::io::{BufRead, Write};

use jiff::tz::TimeZone;
use kanband::kernel::rules::cron::Cron;

fn occurrences(line: &str) -> Result<Vec<i64>, String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let cron = Cron::parse(columns.first().unwrap_or(&"")).map_err(|fault| fault.to_string())?;
    let &[_, zone, from, until] = columns.as_slice() else { return Ok(Vec::new()) };
    let zone = TimeZone::get(zone).map_err(|fault| fault.to_string())?;
    let from: i64 = from.parse().map_err(|_| "FROM is no number".to_owned())?;
    let until: i64 = until.parse().map_err(|_| "UNTIL is no number".to_owned())?;
    let ahead = std::iter::successors(cron.next(from, &zone), |at| cron.next(*at, &zone));
    Ok(ahead.take_while(|at| *at <= until).collect())
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match occurrences(&line?) {
            Ok(times) => writeln!(out, "{times:?}")?,
            Err(fault) => writeln!(out, "{{\"fault\": {fault:?}}}")?,
        }
    }
    out.flush()
}
