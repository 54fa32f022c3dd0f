//! Generators of hostile text and of random bytes.

use kanband::kernel::random::{Random, below};

/// Parts of hostile text: line ends, markup, phrases of the page, terminal sequences, invisible characters.
const PIECES: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{c}",
    "\u{1c}",
    "\u{1d}",
    "\u{1e}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\t",
    "  ",
    "# Kanban task t_00000000: x",
    "## Body",
    "## Comment thread",
    "## Parent task results",
    "### t_00000000",
    "### Attempt 1 — completed (dev, 2026-01-01 00:00)",
    "**root** (2026-01-01 00:00):",
    "> ",
    ">",
    "- ",
    "`",
    "```",
    "````",
    "~~~",
    "_metadata_: `{}`",
    "_error_: ",
    "Status:   done",
    "===",
    "---",
    "<!--",
    "-->",
    "|",
    "*",
    "**",
    "_",
    "\u{1b}",
    "\u{1b}[",
    "\u{1b}[2J",
    "\u{1b}[1;31m",
    "\u{1b}]52;c;",
    "\u{1b}]0;",
    "\u{7}",
    "\u{1b}\\",
    "\u{1b}P",
    "\u{9b}",
    "\u{9d}",
    "\u{90}",
    "\u{1b}(B",
    "\u{1b}c",
    ";",
    "0",
    "9",
    "m",
    "\0",
    "\u{8}",
    "\u{7f}",
    "\u{202e}",
    "\u{2066}",
    "\u{2069}",
    "\u{200b}",
    "\u{200d}",
    "\u{200c}",
    "\u{fe0f}",
    "\u{feff}",
    "\u{ad}",
    "\u{e0041}",
    "\u{e0100}",
    "\u{3164}",
    "\u{61c}",
    "\u{301}",
    "👩",
    "💻",
    "❤",
    "日本",
    "ü",
    "می",
    "क",
    "\u{fffd}",
    "\"",
    "\\",
    "\\n",
    "'",
    "=",
    "run=7",
    " task=t_1",
    "2026-01-01T00:00:00Z ERROR x",
    "{",
    "}",
    ":",
    "error: ",
    "hint: do it",
    "FORGED",
    "word",
    "a",
    "\u{10ffff}",
    "\u{d7ff}",
];

/// Random text of at most `pieces` pieces.
pub fn hostile(random: &mut dyn Random, pieces: u64) -> String {
    let count = below(random, pieces + 1);
    (0..count).map(|_| piece(random)).collect()
}

/// The same, never blank.
pub fn hostile_word(random: &mut dyn Random, pieces: u64) -> String {
    format!("{}x{}", hostile(random, pieces), hostile(random, pieces))
}

fn piece(random: &mut dyn Random) -> String {
    match below(random, 8) {
        0 => {
            let any = u32::try_from(below(random, 0x11_0000)).unwrap_or_default();
            char::from_u32(any).map(String::from).unwrap_or_default()
        }
        1 => "`".repeat(usize::try_from(below(random, 9)).unwrap_or_default()),
        _ => PIECES[pick(random, PIECES.len())].to_owned(),
    }
}

/// Random bytes, most of them text.
pub fn bytes(random: &mut dyn Random, pieces: u64) -> Vec<u8> {
    let mut bytes = hostile(random, pieces).into_bytes();
    for _ in 0..below(random, 4) {
        mutate(random, &mut bytes);
    }
    bytes
}

/// Changes, removes, duplicates or inserts bytes.
pub fn mutate(random: &mut dyn Random, bytes: &mut Vec<u8>) {
    let at = pick(random, bytes.len() + 1);
    let byte = below(random, 256) as u8;
    match below(random, 6) {
        0 => bytes.insert(at, byte),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => {
            bytes.remove(at);
        }
        3 if at < bytes.len() => bytes[at] ^= 1 << below(random, 8),
        4 => {
            let end = (at + pick(random, 20)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ if at < bytes.len() => bytes[at] = byte,
        _ => bytes.push(byte),
    }
}

/// A place below `length`; 0 when there is none.
pub fn pick(random: &mut dyn Random, length: usize) -> usize {
    usize::try_from(below(random, length as u64)).unwrap_or_default()
}

/// True with probability 1 in `times`.
pub fn once_in(random: &mut dyn Random, times: u64) -> bool {
    below(random, times) == 0
}

/// `bytes` in random pieces.
pub fn pieces<'b>(random: &mut dyn Random, bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let longest = if once_in(random, 3) { rest.len() } else { 4 };
        let (piece, behind) = rest.split_at((1 + pick(random, longest)).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
