//! Where keys stand in the text of a TOML file, and how one is set with everything else left as it is.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A location in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Location {
    fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

/// Where the key with this dotted name stands; none when it is not there, or the text is no TOML.
pub fn location_of(text: &str, key: &str) -> Option<Location> {
    let root = DeTable::parse(text).ok()?;
    let (name, _) = find(root.get_ref(), key)?;
    Some(Location::of(text, name.start))
}

/// Where the text stops being TOML.
pub fn fault_location(text: &str) -> Option<Location> {
    let error = DeTable::parse(text).err()?;
    Some(Location::of(text, error.span()?.start))
}

/// The text of a value, without the quotes of a string.
pub fn unquoted(value: &str) -> String {
    let text = format!("value = {value}");
    let parsed = DeTable::parse(&text).ok();
    let parsed = parsed.as_ref().and_then(|root| root.get_ref().iter().next());
    match parsed.map(|(_, value)| value.get_ref()) {
        Some(DeValue::String(text)) => text.to_string(),
        Some(_) | None => value.to_owned(),
    }
}

/// A text as a string of TOML.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            sign if sign.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(sign))),
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text is the value of a key as it stands.
pub fn is_value(text: &str) -> bool {
    let line = format!("value = {text}");
    DeTable::parse(&line).is_ok_and(|root| root.get_ref().len() == 1)
}

/// The text with `key` of the table `table` set to `value`, which is TOML; comments and everything else stay. None where that
/// cannot be done without touching more.
pub fn with_value(text: &str, table: &[String], key: &str, value: &str) -> Option<String> {
    let name = format!("{}.{key}", table.join("."));
    let root = DeTable::parse(text).ok()?;
    let found = find(root.get_ref(), &name).map(|(_, value)| value);
    drop(root);
    let set = match found {
        Some(range) => {
            format!("{}{value}{}", text.get(..range.start)?, text.get(range.end..)?)
        }
        None => inserted(text, table, key, value),
    };
    let root = DeTable::parse(&set).ok()?;
    let (_, range) = find(root.get_ref(), &name)?;
    (set.get(range)? == value).then_some(set)
}

/// The spans of a key and of its value. Names may have dots themselves.
fn find(table: &DeTable<'_>, key: &str) -> Option<(Range<usize>, Range<usize>)> {
    table.iter().find_map(|(name, value)| {
        let rest = key.strip_prefix(name.get_ref().as_ref())?;
        if rest.is_empty() {
            return Some((name.span(), value.span()));
        }
        find(value.get_ref().as_table()?, rest.strip_prefix('.')?)
    })
}

/// A line for the key, below its commented one, else at the head of its table, else in a new table at the end.
fn inserted(text: &str, table: &[String], key: &str, value: &str) -> String {
    let line = format!("{key} = {value}\n");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(header) = lines.iter().position(|line| is_header_of(line, table)) else {
        let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let names: Vec<String> = table.iter().map(|name| bare_or_quoted(name)).collect();
        return format!("{text}{end}{gap}[{}]\n{line}", names.join("."));
    };
    let is_commented = |line: &&str| {
        let behind = line.trim_start().strip_prefix('#').map(str::trim_start);
        let behind = behind.and_then(|words| words.strip_prefix(key));
        behind.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let own = lines.iter().skip(header + 1).take_while(|line| !line.trim_start().starts_with('['));
    let at = header + 1 + own.clone().position(is_commented).map_or(0, |nth| nth + 1);
    let (before, behind) = lines.split_at(at.min(lines.len()));
    let before = before.concat();
    let end = if before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{end}{line}{}", behind.concat())
}

/// Whether a line opens exactly this table.
fn is_header_of(line: &str, table: &[String]) -> bool {
    let line = line.trim();
    if !line.starts_with('[') || line.starts_with("[[") {
        return false;
    }
    let Ok(root) = DeTable::parse(line) else { return false };
    let mut below = root.get_ref();
    for name in table {
        let mut entries = below.iter();
        match entries.next() {
            Some((own, value)) if own.get_ref().as_ref() == name.as_str() => {
                let Some(inner) = value.get_ref().as_table() else { return false };
                below = inner;
            }
            Some(_) | None => return false,
        }
    }
    below.is_empty()
}

fn bare_or_quoted(name: &str) -> String {
    let is_bare = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# of the board\n[dispatch]\n# How many.\n# max_running = 8\n\n# Limits.\ninterval_seconds = 60 # net\n\n[profiles.\"a.b\"]\nargv = [\n  \"x\", # one\n]\n";

    fn set(text: &str, table: &[&str], key: &str, value: &str) -> Option<String> {
        let table: Vec<String> = table.iter().map(|name| (*name).to_owned()).collect();
        with_value(text, &table, key, value)
    }

    #[test]
    fn a_key_is_found_by_its_line_and_column() {
        let location = |line, column| Some(Location { line, column });
        for (key, expected) in [
            ("dispatch.interval_seconds", location(7, 1)),
            ("profiles.a.b.argv", location(10, 1)),
            ("dispatch", location(2, 2)),
            ("dispatch.max_running", None),
            ("nowhere.x", None),
        ] {
            assert_eq!(location_of(FILE, key), expected, "{key}");
        }
        assert_eq!(location_of("x = \"ä\"\n a.b = 1\n", "a.b"), location(2, 4));
        assert_eq!(location_of("x = ", "x"), None);
        assert_eq!(fault_location("[dispatch]\nx = = 1\n").unwrap().line, 2);
        assert_eq!(fault_location(FILE), None);
    }

    #[test]
    fn a_value_is_replaced_and_nothing_else() {
        let changed = set(FILE, &["dispatch"], "interval_seconds", "5").unwrap();
        assert_eq!(changed, FILE.replace("interval_seconds = 60 #", "interval_seconds = 5 #"));
        let changed = set(FILE, &["profiles", "a.b"], "argv", "[\"y\"]").unwrap();
        assert_eq!(changed, FILE.replace("[\n  \"x\", # one\n]", "[\"y\"]"));
    }

    #[test]
    fn a_new_key_comes_below_its_comment_or_its_header_or_in_a_new_table() {
        let changed = set(FILE, &["dispatch"], "max_running", "4").unwrap();
        assert_eq!(changed, FILE.replace("running = 8\n", "running = 8\nmax_running = 4\n"));
        let changed = set(FILE, &["dispatch"], "enabled", "false").unwrap();
        assert_eq!(changed, FILE.replace("[dispatch]\n", "[dispatch]\nenabled = false\n"));
        let changed = set(FILE, &["profiles", "a.b"], "max_running", "1").unwrap();
        assert!(changed.contains("[profiles.\"a.b\"]\nmax_running = 1\nargv"), "{changed}");
        let changed = set(FILE, &["profiles", "c.d"], "max_running", "1").unwrap();
        assert_eq!(changed, format!("{FILE}\n[profiles.\"c.d\"]\nmax_running = 1\n"));
        assert_eq!(set("", &["web"], "listen", "\"off\"").unwrap(), "[web]\nlisten = \"off\"\n");
        assert_eq!(set("x = 1", &["w"], "y", "2").unwrap(), "x = 1\n\n[w]\ny = 2\n");
        assert_eq!(set("[w]", &["w"], "y", "2").unwrap(), "[w]\ny = 2\n");
    }

    #[test]
    fn what_cannot_be_set_alone_is_left() {
        for text in ["x = = 1", "w = { y = 1 }\n[w]\n", "w = 1\n"] {
            assert_eq!(set(text, &["w"], "z", "2"), None, "{text}");
        }
        assert_eq!(set("[w]\n", &["w"], "z", "1\ny = 2"), None, "one value is one value");
    }

    #[test]
    fn a_string_loses_its_quotes_and_gets_them_back() {
        for (value, text) in
            [("\"a\\\"b\\n\"", "a\"b\n"), ("8", "8"), ("[\"x\"]", "[\"x\"]"), ("\"\"", "")]
        {
            assert_eq!(unquoted(value), text);
        }
        for text in ["a\"b\n", "back\\slash", "\u{1}", "plain"] {
            assert_eq!(unquoted(&quoted(text)), text);
        }
        assert!(is_value("8") && is_value("\"x\"") && is_value("[1, 2]"));
        assert!(!is_value("auto") && !is_value("1\nb = 2") && !is_value(""));
    }
}
