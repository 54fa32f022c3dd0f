//! Tables of expressions, zones and occurrences. Those about changes of the clock hold what cronsim 2.8 gives.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::search::Search;
use super::{Cron, CronFault, EXPRESSION_MAX};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The moment at which the clock of `zone` shows `wall` (first).
fn moment(zone: &TimeZone, wall: &str) -> i64 {
    zone.to_timestamp(wall.parse::<DateTime>().unwrap()).unwrap().as_second()
}

/// A moment as the clock of `zone` shows it, with its offset.
fn shown(zone: &TimeZone, at: i64) -> String {
    let at = jiff::Timestamp::from_second(at).unwrap();
    format!("{} {}", zone.to_datetime(at).strftime("%m-%d %H:%M"), zone.to_offset(at))
}

/// The first `count` occurrences after the clock shows `from`.
fn occurrences(expression: &str, zone: &TimeZone, from: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression).unwrap();
    let ahead =
        std::iter::successors(cron.next(moment(zone, from), zone), |at| cron.next(*at, zone));
    ahead.take(count).map(|at| shown(zone, at)).collect()
}

type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

/// Each row is zone, expression, start, and the occurrences that follow first.
fn check(rows: &[Row<'_>]) {
    for (name, expression, from, expected) in rows {
        let got = occurrences(expression, &zone(name), from, expected.len());
        assert_eq!(got, *expected, "{expression} in {name}");
    }
}

#[test]
fn every_form_of_an_expression_is_read() {
    for (text, same) in [
        ("  0\t0  * *   *\n", "0 0 * * *"),
        ("00 007 01 01 *", "0 7 1 1 *"),
        ("0 0 * jan,FEB-Apr mon-Fri", "0 0 * 1-4 1,2,3,4,5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * SUN", "0 0 * * 0"),
        ("0 0 * * SUN-SUN", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * MON#1", "0 0 * * 1#1"),
        ("0 0 * * 7L", "0 0 * * 0l"),
        ("0-59/20 8-18/5 * * *", "0,20,40 8,13,18 * * *"),
        ("*/90 * * * *", "*/60 * * * *"),
        ("5,* 0 * * *", "0-59 0 * * *"),
        ("0 0 1-31/10 * *", "0 0 1,11,21,31 * *"),
        ("0 0 */30 1 *", "0 0 1,31 1 *"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        (" @Weekly ", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ] {
        assert_eq!(Cron::parse(text), Cron::parse(same), "{text}");
        assert!(Cron::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_refusal_says_the_cause_in_one_line() {
    let of = |text: &str| format!("in cron expression `{text}`");
    for (text, cause) in [
        ("", "cron expression is empty".to_owned()),
        (" \n", "cron expression is empty".to_owned()),
        ("@reboot", "cron nickname `@reboot` names no time".to_owned()),
        ("@often", "unknown cron nickname `@often`".to_owned()),
        ("@daily *", "unknown cron nickname `@daily *`".to_owned()),
        ("*", "cron expression `*` has 1 field(s) instead of 5".to_owned()),
        (
            "* *\n* \u{1b} ",
            r"cron expression `* * * \u{1b}` has 4 field(s) instead of 5".to_owned(),
        ),
        (
            "0 * * * * *",
            "cron expression `0 * * * * *` has 6 fields: seconds and years are not supported"
                .to_owned(),
        ),
        (
            "0 0 * * * * 2030",
            "cron expression `0 0 * * * * 2030` has 7 fields: seconds and years are not supported"
                .to_owned(),
        ),
        ("60 * * * *", format!("invalid minute `60` {}", of("60 * * * *"))),
        ("1,2,99 * * * *", format!("invalid minute `99` {}", of("1,2,99 * * * *"))),
        ("0 24 * * *", format!("invalid hour `24` {}", of("0 24 * * *"))),
        ("0 0 0 * *", format!("invalid day of the month `0` {}", of("0 0 0 * *"))),
        ("0 0 MON * *", format!("invalid day of the month `MON` {}", of("0 0 MON * *"))),
        ("0 0 LW * *", format!("invalid day of the month `LW` {}", of("0 0 LW * *"))),
        ("0 0 ? * *", format!("invalid day of the month `?` {}", of("0 0 ? * *"))),
        ("0 0 * 13 *", format!("invalid month `13` {}", of("0 0 * 13 *"))),
        ("0 0 * JANFEB *", format!("invalid month `JANFEB` {}", of("0 0 * JANFEB *"))),
        ("0 0 * * 8", format!("invalid day of the week `8` {}", of("0 0 * * 8"))),
        ("0 0 * * L", format!("invalid day of the week `L` {}", of("0 0 * * L"))),
        ("0 0 * * 1-5#2", format!("invalid day of the week `1-5#2` {}", of("0 0 * * 1-5#2"))),
        ("0 0 * * *#2", format!("invalid day of the week `*#2` {}", of("0 0 * * *#2"))),
        ("0 0 * * 1#6", format!("invalid day of the week `1#6` {}", of("0 0 * * 1#6"))),
        ("0 0 * * +1", format!("invalid day of the week `+1` {}", of("0 0 * * +1"))),
        ("1,,2 * * * *", format!("invalid minute `` {}", of("1,,2 * * * *"))),
        ("*/0 * * * *", format!("invalid minute `*/0` {}", of("*/0 * * * *"))),
        ("*/x * * * *", format!("invalid minute `*/x` {}", of("*/x * * * *"))),
        ("*/2/2 * * * *", format!("invalid minute `*/2/2` {}", of("*/2/2 * * * *"))),
        ("*-5 * * * *", format!("invalid minute `*-5` {}", of("*-5 * * * *"))),
        ("-5 * * * *", format!("invalid minute `-5` {}", of("-5 * * * *"))),
        ("9-5 * * * *", format!("range `9-5` {} runs backwards", of("9-5 * * * *"))),
        ("0 0 * * fri-sun", format!("range `fri-sun` {} runs backwards", of("0 0 * * fri-sun"))),
        ("0/10 * * * *", format!("step `0/10` {} is not of a range or `*`", of("0/10 * * * *"))),
        ("5-5/2 * * * *", format!("step `5-5/2` {} is not of a range or `*`", of("5-5/2 * * * *"))),
    ] {
        assert_eq!(Cron::parse(text).map_err(|fault| fault.to_string()), Err(cause), "{text:?}");
    }
    let long = "0,".repeat(EXPRESSION_MAX);
    assert_eq!(Cron::parse(&long), Err(CronFault::TooLong { length: 2 * EXPRESSION_MAX }));
}

#[test]
fn an_expression_that_never_fires_is_refused() {
    for text in
        ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31 4 */2", "0 0 */31 * MON#2", "0 0 */29 2 1#5"]
    {
        let expression = text.to_owned();
        assert_eq!(Cron::parse(text), Err(CronFault::NeverFires { expression }));
    }
    // Either day field is enough here.
    for text in ["0 0 30 2 MON", "0 0 29 2 *", "0 0 29 2 */7", "0 0 */10 * MON#2", "0 0 */28 2 1#5"]
    {
        assert!(Cron::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn either_day_field_is_enough_unless_one_begins_with_a_star() {
    check(&[
        // 2024-01-01 is a Monday.
        (
            "UTC",
            "0 0 1,13 * FRI",
            "2023-12-31T12",
            &["01-01 00:00 +00", "01-05 00:00 +00", "01-12 00:00 +00", "01-13 00:00 +00"],
        ),
        (
            "UTC",
            "0 0 */12 * FRI",
            "2023-12-31T12",
            &["03-01 00:00 +00", "09-13 00:00 +00", "10-25 00:00 +00"],
        ),
        ("UTC", "0 0 13 * */5", "2023-12-31T12", &["09-13 00:00 +00", "10-13 00:00 +00"]),
        (
            "UTC",
            "0 0 L * *",
            "2024-01-15T00",
            &["01-31 00:00 +00", "02-29 00:00 +00", "03-31 00:00 +00"],
        ),
        (
            "UTC",
            "0 0 * * 5L",
            "2024-01-15T00",
            &["01-26 00:00 +00", "02-23 00:00 +00", "03-29 00:00 +00"],
        ),
        ("UTC", "0 0 * * 5#5", "2024-01-15T00", &["03-29 00:00 +00", "05-31 00:00 +00"]),
    ]);
}

#[test]
fn a_fixed_hour_in_a_gap_fires_at_the_first_moment_after_it() {
    check(&[
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2024-03-30T02:30",
            &["03-31 03:00 +02", "04-01 02:30 +02"],
        ),
        (
            "Europe/Berlin",
            "0,20,59 2 * * *",
            "2024-03-30T12",
            &["03-31 03:00 +02", "04-01 02:00 +02"],
        ),
        ("Europe/Berlin", "0 2,3 * * *", "2024-03-30T12", &["03-31 03:00 +02", "04-01 02:00 +02"]),
        ("Europe/Berlin", "30 2,3 * * *", "2024-03-30T12", &["03-31 03:00 +02", "03-31 03:30 +02"]),
        (
            "America/New_York",
            "5 2 10 3 *",
            "2024-03-01T00",
            &["03-10 03:00 -04", "03-10 02:05 -04"],
        ),
        (
            "Australia/Lord_Howe",
            "10 2 * * *",
            "2024-10-05T12",
            &["10-06 02:30 +11", "10-07 02:10 +11"],
        ),
        (
            "America/Sao_Paulo",
            "0 0 * * *",
            "2017-10-14T12",
            &["10-15 01:00 -02", "10-16 00:00 -02"],
        ),
        (
            "Antarctica/Troll",
            "59 1 * * *",
            "2024-03-30T12",
            &["03-31 03:00 +02", "04-01 01:59 +02"],
        ),
        // The gap is a whole day.
        (
            "Pacific/Apia",
            "0 0,12 * * *",
            "2011-12-29T01",
            &["12-29 12:00 -10", "12-31 00:00 +14", "12-31 12:00 +14"],
        ),
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-29T01", &["12-31 00:00 +14", "12-30 12:00 +14"]),
        // The gap ends within a minute: Berlin took Central European Time in 1893.
        ("Europe/Berlin", "0 0 * * *", "1893-03-31T12", &["04-01 00:07 +01", "04-02 00:00 +01"]),
    ]);
}

#[test]
fn a_fixed_hour_in_a_fold_fires_once_at_its_first_showing() {
    check(&[
        ("Europe/Berlin", "30 2 * * *", "2024-10-26T12", &["10-27 02:30 +02", "10-28 02:30 +01"]),
        (
            "Europe/Berlin",
            "0-59/30 0-3 * * *",
            "2024-10-27T01:30",
            &["10-27 02:00 +02", "10-27 02:30 +02", "10-27 03:00 +01"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2024-04-06T12",
            &["04-07 01:45 +11", "04-08 01:45 +10:30"],
        ),
        (
            "America/Sao_Paulo",
            "30 23 * * *",
            "2018-02-17T12",
            &["02-17 23:30 -02", "02-18 23:30 -03"],
        ),
        (
            "America/Sao_Paulo",
            "0 0 * * *",
            "2018-02-17T12",
            &["02-18 00:00 -03", "02-19 00:00 -03"],
        ),
    ]);
    // Asked for during the second showing, the first is over.
    let berlin = zone("Europe/Berlin");
    let second_showing = moment(&berlin, "2024-10-27T02:10") + 3600;
    let next = Cron::parse("30 2 * * *").unwrap().next(second_showing, &berlin).unwrap();
    assert_eq!(shown(&berlin, next), "10-28 02:30 +01");
}

#[test]
fn a_wildcard_follows_elapsed_time() {
    check(&[
        ("Europe/Berlin", "0 * * * *", "2024-03-31T00:30", &["03-31 01:00 +01", "03-31 03:00 +02"]),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            "2024-03-30T02:30",
            &["04-01 02:00 +02", "04-01 02:30 +02"],
        ),
        (
            "Europe/Berlin",
            "0 * * * *",
            "2024-10-27T01:00",
            &["10-27 02:00 +02", "10-27 02:00 +01", "10-27 03:00 +01"],
        ),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            "2024-10-27T00:00",
            &[
                "10-27 02:00 +02",
                "10-27 02:30 +02",
                "10-27 02:00 +01",
                "10-27 02:30 +01",
                "10-28 02:00 +01",
            ],
        ),
        (
            "Australia/Lord_Howe",
            "*/15 1 * * *",
            "2024-04-07T01:10",
            &[
                "04-07 01:15 +11",
                "04-07 01:30 +11",
                "04-07 01:45 +11",
                "04-07 01:30 +10:30",
                "04-07 01:45 +10:30",
            ],
        ),
        (
            "America/Sao_Paulo",
            "*/20 0 * * *",
            "2017-10-14T00:30",
            &["10-14 00:40 -03", "10-16 00:00 -02"],
        ),
        ("Pacific/Apia", "0 */12 * * *", "2011-12-29T01", &["12-29 12:00 -10", "12-31 00:00 +14"]),
    ]);
}

/// What a reader would not expect, and what cronsim 2.8 gives.
#[test]
fn the_arbiter_is_followed_where_it_surprises() {
    check(&[
        // Reached by its date, the day begins with the hour 0 that its gap has taken.
        (
            "America/Sao_Paulo",
            "*/20 0 * * 0",
            "2017-10-14T00:30",
            &["10-15 01:00 -02", "10-22 00:00 -02"],
        ),
        ("Pacific/Apia", "0 */6 30 * *", "2011-12-29T01", &["12-31 00:00 +14", "01-30 00:00 +14"]),
        // The single minute is sought an hour ahead, which passes over 02:45; asked for later, it is found.
        (
            "Australia/Lord_Howe",
            "45 * * * *",
            "2024-10-06T01:00",
            &["10-06 01:45 +10:30", "10-06 03:45 +11"],
        ),
        (
            "Australia/Lord_Howe",
            "45 * * * *",
            "2024-10-06T02:40",
            &["10-06 02:45 +11", "10-06 03:45 +11"],
        ),
        // Hours are counted in full from before the change.
        (
            "Australia/Lord_Howe",
            "*/15 3 * * *",
            "2024-10-06T01:00",
            &["10-06 03:30 +11", "10-06 03:45 +11"],
        ),
        (
            "Australia/Lord_Howe",
            "*/15 2 * * *",
            "2024-04-06T12:00",
            &["04-07 02:30 +10:30", "04-07 02:45 +10:30"],
        ),
    ]);
}

/// Clocks of St. John's went back at 00:01, into the day before; cronsim gives 00:00 of the 7th again and again.
#[test]
fn a_step_back_in_time_is_not_taken() {
    check(&[
        (
            "America/St_Johns",
            "0 */12 * * *",
            "2010-11-06T11",
            &[
                "11-06 12:00 -02:30",
                "11-07 00:00 -02:30",
                "11-07 00:00 -03:30",
                "11-07 12:00 -03:30",
            ],
        ),
        (
            "America/St_Johns",
            "5-6 */12 * * *",
            "2010-11-06T13",
            &["11-07 00:05 -03:30", "11-07 00:06 -03:30"],
        ),
        (
            "America/St_Johns",
            "* 0-1 7 11 *",
            "2010-11-06T13",
            &["11-07 00:00 -02:30", "11-07 00:00 -03:30", "11-07 00:01 -03:30"],
        ),
    ]);
}

#[test]
fn a_leap_day_is_waited_for() {
    check(&[("UTC", "0 12 29 2 *", "2023-03-01T00", &["02-29 12:00 +00", "02-29 12:00 +00"])]);
    // A leap day on a Sunday: 2100 has none, so the wait is forty years.
    let cron = Cron::parse("0 0 29 2 */7").unwrap();
    let next = cron.next(moment(&TimeZone::UTC, "2088-03-01T00"), &TimeZone::UTC);
    assert_eq!(next, Some(moment(&TimeZone::UTC, "2128-02-29T00")));
}

#[test]
fn an_occurrence_is_later_than_its_start_and_none_lies_between() {
    let crons = [
        "*/7 * * * *",
        "13 * * * *",
        "0 3 * * *",
        "30 2 * * 1-5",
        "*/20 0 * * 0",
        "0 0 1 */3 *",
        "5,35 1-2 * * *",
        "0 12 L * 5#1",
    ]
    .map(|text| Cron::parse(text).unwrap());
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Antarctica/Troll",
    ]
    .map(zone);
    let mut state = 20_260_726_u64;
    let mut draw = |below: i64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..2000 {
        let cron = &crons[usize::try_from(draw(8)).unwrap()];
        let zone = &zones[usize::try_from(draw(6)).unwrap()];
        // From 2008 to 2027.
        let start = 1_200_000_000 + draw(600_000_000);
        let first = cron.next(start, zone).unwrap();
        let second = cron.next(first, zone).unwrap();
        assert!(start < first && first < second, "{cron:?} after {start}");
        assert_eq!(
            cron.next(start + draw(first - start), zone),
            Some(first),
            "{cron:?} after {start}"
        );
    }
}

#[test]
fn a_search_takes_few_steps() {
    for (name, expression, most) in [
        ("UTC", "* * * * *", 5),
        ("Europe/Berlin", "0 3 * * *", 20),
        ("Europe/Berlin", "59 23 31 12 *", 70),
        ("UTC", "0 0 29 2 1", 20),
        ("Pacific/Apia", "0 12 30 12 *", 60),
        // Up to 40 years away.
        ("UTC", "0 0 29 2 */7", 1600),
        // Never: an hour that Berlin skips.
        ("Europe/Berlin", "*/60 2 25-31 3 */7", 3500),
    ] {
        let (cron, zone) = (Cron::parse(expression).unwrap(), zone(name));
        for from in ["2011-12-29T12", "2024-03-01T00", "2088-03-01T00"] {
            let mut search = Search::new(&cron, &zone);
            search.next(moment(&zone, from));
            assert!(search.steps <= most, "{expression} in {name}: {} steps", search.steps);
        }
    }
}

#[test]
fn a_search_ends_with_the_calendar_and_after_fifty_years() {
    let cron = Cron::parse("0 0 1 1 *").unwrap();
    let end = moment(&TimeZone::UTC, "9999-01-01T00");
    assert_eq!(cron.next(end - 1, &TimeZone::UTC), Some(end));
    assert_eq!(cron.next(end, &TimeZone::UTC), None);
    for beyond in [i64::MIN, i64::MAX - 1, i64::MAX] {
        assert_eq!(cron.next(beyond, &TimeZone::UTC), None);
    }
    // The hour that Berlin skips on the last Sunday of March.
    let berlin = zone("Europe/Berlin");
    let skipped = Cron::parse("*/60 2 25-31 3 */7").unwrap();
    assert_eq!(skipped.next(moment(&berlin, "2024-01-01T00"), &berlin), None);
    assert!(skipped.next(0, &TimeZone::UTC).is_some());
}
