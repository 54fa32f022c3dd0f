//! Random JSON, from a seed: the text as a client sends it, and the same value as the board is to store it.

use std::collections::BTreeMap;

use kanband::kernel::random::{Random, SeededRandom, below};

/// Numbers at which parsers and printers differ.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1.00",
    "100e-2",
    "0.1",
    "3.0000000000000004",
    "1e23",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
    "1e308",
    "1.7976931348623157e308",
    "-1.7976931348623157E+308",
    "2.2250738585072011e-308",
    "5e-324",
    "4.9406564584124654e-324",
    "1E5",
    "1e400",
];

/// Characters that have to be escaped, or are often mistaken for something else.
const CHARACTERS: &[char] =
    &['a', 'Z', '"', '\\', '/', '\0', '\n', '\r', '\u{1b}', '\u{7f}', '\u{2028}', 'ß', '✓', '🦀'];

/// A value as it is sent and as it is to be stored.
pub struct Sent {
    pub text: String,
    pub stored: String,
}

fn any_of<'a, T>(random: &mut SeededRandom, values: &'a [T]) -> &'a T {
    &values[usize::try_from(below(random, values.len() as u64)).unwrap()]
}

/// A number as it is sent.
fn number(random: &mut SeededRandom) -> String {
    match below(random, 6) {
        0 => any_of(random, NUMBERS).to_string(),
        1 => (random.next() as i64).to_string(),
        2 => random.next().to_string(),
        3 => loop {
            let float = f64::from_bits(random.next());
            if float.is_finite() {
                break format!("{float:e}");
            }
        },
        4 => format!("{:?}", (random.next() >> 11) as f64 / (1_u64 << 53) as f64 * 1e6),
        _ => format!("{}.{}e{}", below(random, 100_000), random.next(), below(random, 40)),
    }
}

/// The exponent is the only part of a number that has a fixed form: `e`, a sign.
fn stored_number(sent: &str) -> String {
    let sent = sent.replace('E', "e");
    match sent.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with(['-', '+']) => {
            format!("{digits}e+{exponent}")
        }
        _ => sent,
    }
}

fn string(random: &mut SeededRandom) -> Sent {
    let length = below(random, 12);
    let text: String = (0..length).map(|_| *any_of(random, CHARACTERS)).collect();
    let stored = serde_json::to_string(&text).unwrap();
    if below(random, 3) > 0 {
        return Sent { text: stored.clone(), stored };
    }
    // Every character escaped, those beyond the basic plane as two halves.
    let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    Sent { text: format!("\"{escaped}\""), stored }
}

/// A value of at most `depth` levels.
pub fn value(random: &mut SeededRandom, depth: u64) -> Sent {
    let same = |text: &str| Sent { text: text.to_owned(), stored: text.to_owned() };
    match below(random, if depth == 0 { 8 } else { 12 }) {
        0 => same("null"),
        1 => same("true"),
        2 => same("false"),
        3 | 4 => string(random),
        5..=7 => {
            let text = number(random);
            Sent { stored: stored_number(&text), text }
        }
        8 | 9 => list(random, depth - 1),
        _ => object(random, depth - 1),
    }
}

fn list(random: &mut SeededRandom, depth: u64) -> Sent {
    let items: Vec<Sent> = (0..below(random, 5)).map(|_| value(random, depth)).collect();
    let text = |part: fn(&Sent) -> &str, comma: &str| {
        items.iter().map(part).collect::<Vec<_>>().join(comma)
    };
    Sent {
        text: format!("[ {}\n]", text(|item| &item.text, " ,\t")),
        stored: format!("[{}]", text(|item| &item.stored, ",")),
    }
}

/// An object whose last field has the name of its first, now and then: the last one counts.
pub fn object(random: &mut SeededRandom, depth: u64) -> Sent {
    let mut sent = Vec::new();
    let mut stored: BTreeMap<String, String> = BTreeMap::new();
    for index in 0..below(random, 5) {
        let name = match (index, below(random, 8), stored.keys().next().cloned()) {
            (1.., 0, Some(first)) => first,
            _ => serde_json::from_str(&string(random).text).unwrap(),
        };
        let value = value(random, depth);
        let written = serde_json::to_string(&name).unwrap();
        sent.push(format!("{written} : {}", value.text));
        stored.insert(name, value.stored);
    }
    let stored: Vec<String> = stored
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", serde_json::to_string(&name).unwrap()))
        .collect();
    Sent { text: format!("{{{}}}", sent.join(" , ")), stored: format!("{{{}}}", stored.join(",")) }
}
