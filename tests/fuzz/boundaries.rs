//! The boundary functions, in process.

use kanband::kernel::random::below;

use crate::cases;
use crate::oracles::{
    check_context, check_json, check_log_line, check_quotes, check_redaction, check_terminal,
};
use crate::text::{bytes, hostile};

#[test]
fn no_line_of_a_page_is_one_of_others_outside_of_a_quote() {
    cases(3_000, check_context_of);
    cases(15_000, |random| check_quotes(&hostile(random, 20)));
}

fn check_context_of(random: &mut kanband::kernel::random::SeededRandom) {
    check_context(random);
}

#[test]
fn a_terminal_shows_characters_and_does_nothing() {
    cases(30_000, |random| {
        let length = 1 + below(random, 30);
        let input = bytes(random, length);
        check_terminal(&input, random);
    });
}

#[test]
fn json_and_log_lines_hide_nothing_and_read_as_they_were_meant() {
    cases(16_000, |random| check_json(random));
    cases(30_000, |random| check_log_line(random));
}

#[test]
fn a_stream_without_its_secrets_is_what_a_slow_search_leaves() {
    cases(20_000, |random| check_redaction(random));
}
