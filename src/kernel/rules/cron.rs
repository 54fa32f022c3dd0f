//! Recurring times as cron expressions, with the meaning that Debian's cron gives them.
//!
//! An expression has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or JAN-DEC) and day of the
//! week (0-7 or SUN-SAT; 0 and 7 are Sunday). A field is a list of values, ranges (`1-5`), `*`, and steps of a range or of `*`
//! (`*/15`, `8-18/2`). Case does not count. Beyond Debian's cron, `L` is the last day of the month, `5L` the last Friday and
//! `5#2` the second Friday of the month. A nickname such as `@daily` stands for five fields.
//!
//! When both day fields are restricted, a day that either of them names is meant; when one of them begins with `*`, a day must
//! satisfy both.
//!
//! The crate croner reads lists, ranges and steps, and knows the days of a month. It is given numbers and signs only,
//! because it takes names in the wrong field, empty list items and signs of other dialects. What a change of the clock does is
//! in `cron/search.rs`.

mod search;

#[cfg(test)]
mod tests;

use croner::parser::CronParser;
use croner::time::Weekday;
use croner::{CronComponent, CronPattern};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The longest expression that is read, in bytes. One that lists every value of every field by name has 391.
pub const EXPRESSION_MAX: usize = 1000;

/// Why a text is not a cron expression. Each message is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Nothing, or only white space.
    #[error("cron expression is empty")]
    Empty,
    /// Longer than [`EXPRESSION_MAX`].
    #[error("cron expression of {length} bytes is longer than {EXPRESSION_MAX}")]
    TooLong {
        /// Bytes that were given.
        length: usize,
    },
    /// `@reboot`, which is an event and not a time.
    #[error("cron nickname `@reboot` names no time")]
    Reboot,
    /// Another word that begins with `@`.
    #[error("unknown cron nickname `{nickname}`")]
    Nickname {
        /// The word.
        nickname: String,
    },
    /// Fewer than five fields, or more than seven.
    #[error("cron expression `{expression}` has {count} field(s) instead of 5")]
    FieldCount {
        /// The expression.
        expression: String,
        /// Its fields.
        count: usize,
    },
    /// Six or seven fields, as other dialects write seconds and years.
    #[error(
        "cron expression `{expression}` has {count} fields: seconds and years are not supported"
    )]
    Seconds {
        /// The expression.
        expression: String,
        /// Its fields.
        count: usize,
    },
    /// A list item that its field does not take.
    #[error("invalid {field} `{value}` in cron expression `{expression}`")]
    Value {
        /// The expression.
        expression: String,
        /// What the field is about.
        field: &'static str,
        /// The list item.
        value: String,
    },
    /// A range that ends before it begins.
    #[error("range `{value}` in cron expression `{expression}` runs backwards")]
    Backwards {
        /// The expression.
        expression: String,
        /// The list item.
        value: String,
    },
    /// A step of a single value. Some programs read it as a step from that value to the end, others as the value alone.
    #[error("step `{value}` in cron expression `{expression}` is not of a range or `*`")]
    Step {
        /// The expression.
        expression: String,
        /// The list item.
        value: String,
    },
    /// No day of any year is meant.
    #[error("cron expression `{expression}` never fires")]
    NeverFires {
        /// The expression.
        expression: String,
    },
}

/// The nicknames of Debian's cron that name times, with what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the five fields.
#[derive(Debug, Clone, Copy)]
struct Field {
    /// How messages call its values.
    name: &'static str,
    /// The range that `*` stands for.
    all: &'static str,
    /// Names of values, in order.
    words: &'static [&'static str],
    /// The value of the first name.
    first: usize,
    /// The form of "the last" that it takes.
    last: Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    None,
    /// `L`.
    Day,
    /// `5L`.
    Weekday,
}

/// The fields in their order.
const FIELDS: [Field; 5] = [
    Field { name: "minute", all: "0-59", words: &[], first: 0, last: Last::None },
    Field { name: "hour", all: "0-23", words: &[], first: 0, last: Last::None },
    Field { name: "day of the month", all: "1-31", words: &[], first: 0, last: Last::Day },
    Field { name: "month", all: "1-12", words: &MONTHS, first: 1, last: Last::None },
    Field { name: "day of the week", all: "0-7", words: &WEEKDAYS, first: 0, last: Last::Weekday },
];

/// A year and a month of each length, from 28 days to 31.
const MONTH_SAMPLES: [(i32, u32, u32); 4] =
    [(2001, 2, 28), (2000, 2, 29), (2001, 4, 30), (2001, 1, 31)];

/// A cron expression that was read. A set holds the value `n` as its bit `n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    months: u64,
    /// The days of a month, by its length (from 28) and by the day of the week on which it begins (from Sunday).
    days: [[u64; 7]; 4],
    /// Neither the minute nor the hour begins with `*`: a job at fixed times, which a change of the clock neither drops
    /// nor doubles.
    is_fixed: bool,
}

impl Cron {
    /// Reads an expression of five fields, or a nickname.
    ///
    /// # Errors
    /// The text is no such expression, or no day of any year is meant by it.
    pub fn parse(text: &str) -> Result<Self, CronFault> {
        if text.len() > EXPRESSION_MAX {
            return Err(CronFault::TooLong { length: text.len() });
        }
        let fields: Vec<&str> = expanded(text.trim())?.split_whitespace().collect();
        let expression = shown(text);
        let &[minute, hour, day, _, weekday] = fields.as_slice() else {
            return Err(match fields.len() {
                0 => CronFault::Empty,
                count @ (6 | 7) => CronFault::Seconds { expression, count },
                count => CronFault::FieldCount { expression, count },
            });
        };
        let mut numeric = Vec::with_capacity(fields.len());
        for (field, list) in FIELDS.iter().zip(&fields) {
            let items: Result<Vec<String>, CronFault> = list
                .split(',')
                .map(|item| {
                    spelled(field, item).map_err(|fault| fault.of(field, item, &expression))
                })
                .collect();
            numeric.push(items?.join(","));
        }
        let must_match_both = day.starts_with('*') || weekday.starts_with('*');
        let parser = CronParser::builder().dom_and_dow(must_match_both).build();
        let Ok(parsed) = parser.parse(&numeric.join(" ")) else {
            return Err(culprit(&fields, &expression));
        };
        let cron = Self {
            minutes: set_of(&parsed.pattern.minutes),
            hours: set_of(&parsed.pattern.hours),
            months: set_of(&parsed.pattern.months),
            days: day_table(&parsed.pattern),
            is_fixed: !minute.starts_with('*') && !hour.starts_with('*'),
        };
        if cron.ever_fires() { Ok(cron) } else { Err(CronFault::NeverFires { expression }) }
    }

    /// The first occurrence that is strictly later than `after`, both in seconds since 1970 in UTC, on the clock of `zone`.
    ///
    /// `None` when the calendar ends before it (with the year 9999), or when 50 years hold none: an expression can name
    /// an hour that `zone` skips in every year.
    pub fn next(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        search::Search::new(self, zone).next(after)
    }

    fn is_minute(&self, minute: i8) -> bool {
        has(self.minutes, minute)
    }

    fn is_hour(&self, hour: i8) -> bool {
        has(self.hours, hour)
    }

    fn is_month(&self, date: Date) -> bool {
        has(self.months, date.month())
    }

    /// Whether the day fields mean this day, whatever its month.
    fn is_day(&self, date: Date) -> bool {
        let begins_on = date.first_of_month().weekday().to_sunday_zero_offset();
        let length = usize::try_from(date.days_in_month() - 28);
        let days = length.ok().and_then(|row| self.days.get(row));
        let days = usize::try_from(begins_on).ok().and_then(|column| days?.get(column));
        days.is_some_and(|days| has(*days, date.day()))
    }

    /// Whether a day is meant in one of the months. Every length of a month comes with each day of the week as its first.
    fn ever_fires(&self) -> bool {
        (1..=12).filter(|month| has(self.months, *month)).any(|month| {
            let lengths = match month {
                2 => self.days.get(..2),
                4 | 6 | 9 | 11 => self.days.get(2..3),
                _ => self.days.get(3..),
            };
            lengths.is_some_and(|rows| rows.iter().flatten().any(|days| *days != 0))
        })
    }
}

/// Whether `value` is in a set.
fn has(set: u64, value: i8) -> bool {
    let shifted = u32::try_from(value).ok().and_then(|value| set.checked_shr(value));
    shifted.is_some_and(|bits| bits & 1 == 1)
}

/// The plain values of a field.
fn set_of(field: &CronComponent) -> u64 {
    let bits = field.values().into_iter().filter_map(|value| 1_u64.checked_shl(value.into()));
    bits.fold(0, |set, bit| set | bit)
}

fn day_table(pattern: &CronPattern) -> [[u64; 7]; 4] {
    let mut table = [[0; 7]; 4];
    for (row, (year, month, length)) in table.iter_mut().zip(MONTH_SAMPLES) {
        for (days, first) in row.iter_mut().zip(0..) {
            for day in 1..=length {
                let weekday = Weekday::from_days_from_sunday(first + day - 1);
                if pattern.day_match(year, month, day, weekday).unwrap_or(false) {
                    *days |= 1 << day;
                }
            }
        }
    }
    table
}

/// The five fields that a nickname stands for; any other text as it is.
fn expanded(text: &str) -> Result<&str, CronFault> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    if text.eq_ignore_ascii_case("@reboot") {
        return Err(CronFault::Reboot);
    }
    let known = NICKNAMES.iter().find(|(nickname, _)| text.eq_ignore_ascii_case(nickname));
    known.map(|(_, fields)| *fields).ok_or_else(|| CronFault::Nickname { nickname: shown(text) })
}

/// An expression as messages quote it: on one line, without control characters.
fn shown(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").escape_debug().to_string()
}

/// What is wrong with the form of a list item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ItemFault {
    Value,
    Backwards,
    Step,
}

impl ItemFault {
    fn of(self, field: &Field, item: &str, expression: &str) -> CronFault {
        let (expression, value) = (expression.to_owned(), item.escape_debug().to_string());
        match self {
            Self::Value => CronFault::Value { expression, field: field.name, value },
            Self::Backwards => CronFault::Backwards { expression, value },
            Self::Step => CronFault::Step { expression, value },
        }
    }
}

/// A list item with numbers for names and for `*`. Whether the numbers are in range is for croner.
fn spelled(field: &Field, item: &str) -> Result<String, ItemFault> {
    let (values, tail) = item.split_at(item.find(['/', '#']).unwrap_or(item.len()));
    let (sign, count) = tail.split_at(tail.len().min(1));
    if !sign.is_empty() && number(count).is_none() {
        return Err(ItemFault::Value);
    }
    let spelled = match values.split_once('-') {
        Some((start, end)) => {
            let start = named(field, start).ok_or(ItemFault::Value)?;
            let end = named(field, end).ok_or(ItemFault::Value)?;
            if end < start {
                return Err(ItemFault::Backwards);
            }
            format!("{start}-{end}")
        }
        None => spelled_value(field, values).ok_or(ItemFault::Value)?,
    };
    let range = spelled.split_once('-');
    match sign {
        "#" if range.is_some() => Err(ItemFault::Value),
        "/" if range.is_none_or(|(start, end)| start == end) => Err(ItemFault::Step),
        _ => Ok(spelled + tail),
    }
}

/// One value of a field with a number for its name, or a range for `*`.
fn spelled_value(field: &Field, word: &str) -> Option<String> {
    match word.strip_suffix(['L', 'l']) {
        _ if word == "*" => Some(field.all.to_owned()),
        Some("") if field.last == Last::Day => Some("L".to_owned()),
        Some(weekday) if field.last == Last::Weekday => Some(format!("{}L", number(weekday)?)),
        _ => named(field, word).map(|value| value.to_string()),
    }
}

/// The number of a value that may be given by its name.
fn named(field: &Field, word: &str) -> Option<u16> {
    match field.words.iter().position(|name| name.eq_ignore_ascii_case(word)) {
        Some(index) => u16::try_from(index + field.first).ok(),
        None => number(word),
    }
}

/// A number of decimal digits alone.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The list item that croner refuses, found by giving it each of them alone.
fn culprit(fields: &[&str], expression: &str) -> CronFault {
    let parser = CronParser::new();
    for (index, (field, list)) in FIELDS.iter().zip(fields).enumerate() {
        for item in list.split(',') {
            let mut alone = ["*"; FIELDS.len()].map(str::to_owned);
            if let (Some(slot), Ok(spelled)) = (alone.get_mut(index), spelled(field, item)) {
                *slot = spelled;
            }
            if parser.parse(&alone.join(" ")).is_err() {
                return ItemFault::Value.of(field, item, expression);
            }
        }
    }
    let expression = expression.to_owned();
    CronFault::Value { field: "list of values", value: fields.join(" "), expression }
}
