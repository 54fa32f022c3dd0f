//! Replies of limited size: agents pay for every word, and refuse replies that are too large.
//!
//! What does not fit is given in parts. A part begins at a [`Position`], which the reply before it named as `next_cursor`; all
//! parts together hold everything. Lists are cut between their items. An item that is larger than a part, or a text that stands
//! alone, is cut inside: its short fields come with each piece, and `piece` says which field it is of and where it stands.
//!
//! Pure: [`part`] is a function of the whole reply and a position.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::text::json;

/// Most bytes of a reply, as the line that holds it: about 8,000 tokens.
pub const REPLY_BYTES_MAX: usize = 24_000;

/// What the protocol adds around the text of a reply, bytes, without the client's own id.
const ENVELOPE_BYTES: usize = 800;

/// Bytes that the text of a reply may take.
const TEXT_BYTES_MAX: usize = REPLY_BYTES_MAX - ENVELOPE_BYTES;

/// What the fields `left` and `next_cursor` may take, bytes.
const CURSOR_BYTES: usize = 700;

/// A field that costs more than this is cut when its item does not fit, bytes.
const LONG_FIELD_BYTES: usize = 600;

/// A smaller rest is left free for the next part to begin with, bytes.
const PIECE_BYTES_MIN: usize = 1000;

/// A named part of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its name in the reply.
    pub name: &'static str,
    /// Its items; one where it is no list.
    pub items: Vec<Value>,
    /// Whether it is a list.
    pub is_list: bool,
    /// Items that are never given, at its beginning. They count, so that a position means the same when items were added.
    pub skipped: usize,
}

impl Section {
    /// A section that is no list; without a value there is no such section.
    pub fn single(name: &'static str, value: Value) -> Self {
        let items = if value.is_null() { Vec::new() } else { vec![value] };
        Self { name, items, is_list: false, skipped: 0 }
    }

    /// A list.
    pub fn list(name: &'static str, items: Vec<Value>) -> Self {
        Self { name, items, is_list: true, skipped: 0 }
    }
}

/// Where a part begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Name of the section.
    section: String,
    /// Number of the item.
    item: usize,
    /// Field and byte inside the item, when that was begun already.
    inside: Option<(String, usize)>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.item)?;
        match &self.inside {
            Some((field, byte)) => write!(f, ".{field}.{byte}"),
            None => Ok(()),
        }
    }
}

impl Position {
    /// Reads what a reply said; a section's name alone is its beginning.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.trim().split('.').collect();
        let (section, item, inside) = match words.as_slice() {
            [section] => (section, "0", None),
            [section, item] => (section, *item, None),
            [section, item, field, byte] => {
                (section, *item, Some(((*field).to_owned(), byte.parse().ok()?)))
            }
            _ => return None,
        };
        Some(Self { section: (*section).to_owned(), item: item.parse().ok()?, inside })
    }

    /// Whether it is in one of these sections.
    pub fn is_in(&self, sections: &[&str]) -> bool {
        sections.contains(&self.section.as_str())
    }
}

/// Bytes that a value takes inside the text of a reply, which is JSON in a JSON string.
pub fn cost(value: &Value) -> usize {
    // As the server writes it, hidden characters escaped; a value of JSON has a form in JSON.
    let text = json::to_string(value).unwrap_or_default();
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// The part of a reply that begins at `from`; none when there is no such position.
pub fn part(sections: &[Section], from: Option<&Position>) -> Option<Value> {
    let (first, mut item, mut inside) = match from {
        None => (0, 0, None),
        Some(from) => {
            let location = sections.iter().position(|section| section.name == from.section)?;
            (location, from.item, from.inside.clone())
        }
    };
    let mut filled = Filled { out: Map::new(), used: CURSOR_BYTES };
    for (location, section) in sections.iter().enumerate().skip(first) {
        let mut number = item.max(section.skipped);
        for value in section.items.iter().skip(number) {
            match filled.put(section, number, value, inside.take()) {
                Put::Whole => number += 1,
                Put::Cut(inside) => {
                    let next = Position { section: section.name.to_owned(), item: number, inside };
                    filled.end(sections, location, &next);
                    return Some(filled.out.into());
                }
                Put::NoSuchDirectory => return None,
            }
        }
        if inside.is_some() {
            return None;
        }
        // An empty list says that there is nothing; in a later part it is left out.
        if section.is_list && from.is_none() && !filled.out.contains_key(section.name) {
            filled.add(section, json!([]));
        }
        item = 0;
    }
    Some(filled.out.into())
}

/// What became of an item.
enum Put {
    /// It is in the part, to its end.
    Whole,
    /// The part is full; the next one begins at this item, or inside of it.
    Cut(Option<(String, usize)>),
    /// There is no such field or byte in it.
    NoSuchDirectory,
}

/// A part that is being filled.
struct Filled {
    out: Map<String, Value>,
    used: usize,
}

impl Filled {
    fn left(&self) -> usize {
        TEXT_BYTES_MAX.saturating_sub(self.used)
    }

    /// Puts an item in, or as much of it as there is room for.
    fn put(
        &mut self,
        section: &Section,
        number: usize,
        value: &Value,
        inside: Option<(String, usize)>,
    ) -> Put {
        let whole = section.name.len() + 8 + cost(value);
        if inside.is_none() && whole <= self.left() {
            self.add(section, value.clone());
            return Put::Whole;
        }
        let fits_into_a_part_of_its_own = whole + CURSOR_BYTES <= TEXT_BYTES_MAX;
        let is_empty = self.used == CURSOR_BYTES;
        if inside.is_none()
            && !is_empty
            && (fits_into_a_part_of_its_own || self.left() < PIECE_BYTES_MIN)
        {
            return Put::Cut(None);
        }
        let Some(cut) = Cut::of(section.name, number, value, inside) else {
            return Put::NoSuchDirectory;
        };
        if !is_empty && cut.frame + PIECE_BYTES_MIN > self.left() {
            return Put::Cut(None);
        }
        let (piece, next) = cut.piece(self.left());
        self.add(section, piece);
        next.map_or(Put::Whole, |next| Put::Cut(Some(next)))
    }

    fn add(&mut self, section: &Section, value: Value) {
        self.used += section.name.len() + 8 + cost(&value);
        if !section.is_list {
            self.out.insert(section.name.to_owned(), value);
        } else if let Some(Value::Array(items)) = self.out.get_mut(section.name) {
            items.push(value);
        } else if value.as_array().is_some_and(Vec::is_empty) {
            self.out.insert(section.name.to_owned(), value);
        } else {
            self.out.insert(section.name.to_owned(), json!([value]));
        }
    }

    /// Says where the next part begins, and how many items there are from there on.
    fn end(&mut self, sections: &[Section], location: usize, next: &Position) {
        let mut left = Map::new();
        for (at, section) in sections.iter().enumerate().skip(location) {
            let begun = if at == location { next.item } else { section.skipped };
            let count = section.items.len().saturating_sub(begun);
            if count > 0 {
                left.insert(section.name.to_owned(), count.into());
            }
        }
        self.out.insert("left".to_owned(), left.into());
        self.out.insert("next_cursor".to_owned(), next.to_string().into());
    }
}

/// An item that is cut: its short fields, and the texts of its long ones.
struct Cut {
    short: Map<String, Value>,
    /// Whether the item is a text and has no fields.
    is_text: bool,
    field: String,
    text: String,
    from: usize,
    /// The long field behind this one.
    next_field: Option<String>,
    /// What the piece takes beside its text, bytes.
    frame: usize,
}

/// The name under which an item that is a text is cut.
const TEXT: &str = "text";

impl Cut {
    fn of(
        section: &str,
        number: usize,
        value: &Value,
        inside: Option<(String, usize)>,
    ) -> Option<Self> {
        let Value::Object(fields) = value else {
            let text = text_of(value);
            let (field, from) = inside.unwrap_or_else(|| (TEXT.to_owned(), 0));
            let is_there = field == TEXT && text.is_char_boundary(from);
            let (short, next_field) = (Map::new(), None);
            let cut = Self {
                short,
                is_text: true,
                field,
                text,
                from,
                next_field,
                frame: section.len() + 20,
            };
            return is_there.then_some(cut);
        };
        let is_long = |value: &Value| cost(value) > LONG_FIELD_BYTES;
        let mut short: Map<String, Value> = fields
            .iter()
            .filter(|(_, value)| !is_long(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        short.entry("number").or_insert_with(|| format!("{section}.{number}").into());
        let mut long = fields.iter().filter(|(_, value)| is_long(value));
        let (field, from) = match inside {
            Some(inside) => inside,
            None => (long.clone().next()?.0.clone(), 0),
        };
        let (_, value) = long.find(|(name, _)| **name == field)?;
        let text = text_of(value);
        let next_field = long.next().map(|(name, _)| name.clone());
        // The piece says where it stands, and its field's name costs what it costs.
        let frame = section.len() + field.len() * 2 + 150 + cost(&Value::Object(short.clone()));
        let is_there = text.is_char_boundary(from);
        is_there.then_some(Self { short, is_text: false, field, text, from, next_field, frame })
    }

    /// The piece that fits into `room` bytes, and where the next one begins; none when this was the last.
    fn piece(self, room: usize) -> (Value, Option<(String, usize)>) {
        let Self { short, is_text, field, text, from, next_field, frame } = self;
        let to = from + fitting(text.get(from..).unwrap_or_default(), room.saturating_sub(frame));
        let shown = Value::from(text.get(from..to).unwrap_or_default());
        let next = if to < text.len() {
            Some((field.clone(), to))
        } else {
            next_field.map(|name| (name, 0))
        };
        let location =
            json!({ "field": field, "from_byte": from, "to_byte": to, "of_bytes": text.len() });
        if is_text {
            return (shown, next);
        }
        let mut piece = short;
        piece.insert(field, shown);
        piece.insert("piece".to_owned(), location);
        (piece.into(), next)
    }
}

/// A text as it is; everything else as its JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Bytes from the beginning of `text` that take no more than `room` in a reply; at least one character, so that each piece
/// leads further.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    let mut end = 0;
    for c in text.chars() {
        used += match c {
            '"' | '\\' => 4,
            '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 3,
            ' '..='~' => 1,
            // Hidden characters are escaped, the others stand as they are. 4: the two quotes around.
            c => cost(&Value::from(c.to_string())).saturating_sub(4),
        };
        if used > room && end > 0 {
            break;
        }
        end += c.len_utf8();
    }
    end
}

#[cfg(test)]
mod tests;
