//! Output as a page shows it, beside the output that there was.

use std::collections::BTreeMap;

/// What stands for anything, within a line or as a line of its own for any number of them.
const ANYTHING: &str = "…";

/// Ids of a page and the real ones that they stand for.
#[derive(Debug, Default)]
pub struct Ids {
    real_of: BTreeMap<String, String>,
    newest: Option<String>,
}

impl Ids {
    /// A command with real ids in the place of those of the page.
    pub fn put_into(&self, command: &str) -> Result<String, String> {
        let mut filled = command.to_owned();
        for (shown, real) in &self.real_of {
            filled = filled.replace(shown, real);
        }
        if filled.contains("t_…") {
            let newest = self.newest.as_deref().ok_or("t_… stands before any id was printed")?;
            filled = filled.replace("t_…", newest);
        }
        Ok(filled)
    }

    /// Notes the ids of an output.
    pub fn notice(&mut self, output: &str) {
        if let Some(newest) = ids(output).last() {
            self.newest = Some((*newest).to_owned());
        }
    }

    /// Compares an output with the one that is shown, and learns the ids in it.
    ///
    /// # Errors
    /// The first line that differs.
    pub fn compare(&mut self, shown: &str, output: &str) -> Result<(), String> {
        let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        self.compare_lines(&shown.lines().map(str::trim_end).collect::<Vec<_>>(), &lines)
            .map_err(|why| format!("{why}\n--- it printed\n{output}"))
    }

    fn compare_lines(&mut self, shown: &[&str], lines: &[&str]) -> Result<(), String> {
        let Some((first, rest)) = shown.split_first() else {
            return match lines.first() {
                None => Ok(()),
                Some(line) => Err(format!("not shown: {line}")),
            };
        };
        if first.trim() == ANYTHING {
            // As few lines as will do.
            let fits = (0..=lines.len()).find(|skipped| {
                let mut tried = Self { real_of: self.real_of.clone(), newest: None };
                tried.compare_lines(rest, &lines[*skipped..]).is_ok()
            });
            let skipped = fits.ok_or_else(|| format!("nothing fits behind … : {rest:?}"))?;
            return self.compare_lines(rest, &lines[skipped..]);
        }
        let line = lines.first().ok_or_else(|| format!("not printed: {first}"))?;
        self.compare_line(first, line)?;
        self.compare_lines(rest, &lines[1..])
    }

    fn compare_line(&mut self, shown: &str, line: &str) -> Result<(), String> {
        let known = |id: &&str| !self.real_of.contains_key(*id);
        let new: Vec<String> = ids(shown).into_iter().filter(known).map(str::to_owned).collect();
        let printed: Vec<&str> = ids(line);
        let unclaimed =
            printed.into_iter().filter(|id| !self.real_of.values().any(|real| real == id));
        let learned: Vec<(String, String)> =
            new.into_iter().zip(unclaimed.map(str::to_owned)).collect();
        self.real_of.extend(learned);
        let mut expected = shown.to_owned();
        for (id, real) in &self.real_of {
            expected = expected.replace(id, real);
        }
        match fits(&expected, line) {
            true => Ok(()),
            false => Err(format!("shown:   {shown}\nprinted: {line}")),
        }
    }
}

/// Task ids in a text.
fn ids(text: &str) -> Vec<&str> {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.match_indices("t_")
        .filter_map(|(at, _)| text.get(at..at + 10))
        .filter(|id| id[2..].chars().all(is_hex))
        .collect()
}

/// Whether `line` is `pattern` with something in the place of each `…`.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some((_, behind)) = rest.split_once(before) else { return false };
            rest = behind;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    for (pattern, line, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "abc", true),
        ("a…c…e", "abcde", true),
        ("a…c…e", "abde", false),
        ("…e", "abcde", true),
        ("…d", "abcde", false),
    ] {
        assert_eq!(fits(pattern, line), expected, "{pattern} {line}");
    }
}

#[test]
fn an_id_that_is_shown_stands_for_the_one_that_was_printed() {
    let mut ids = Ids::default();
    assert!(ids.put_into("kanban show t_…").is_err());
    ids.compare("Created t_0a1b2c3d  (ready…)", "Created t_99999999  (ready, x)\n").unwrap();
    ids.compare("…\nt_0a1b2c3d t_00000001", "x\ny\nt_99999999 t_88888888\n").unwrap();
    assert_eq!(ids.put_into("kanban show t_0a1b2c3d").unwrap(), "kanban show t_99999999");
    assert_eq!(ids.put_into("kanban show t_00000001").unwrap(), "kanban show t_88888888");
    assert!(ids.compare("t_0a1b2c3d", "t_88888888\n").is_err());
    assert!(ids.compare("a\nb", "a\n").is_err());
    assert!(ids.compare("a", "a\nb\n").is_err());
    ids.notice("one t_11111111, another t_22222222");
    assert_eq!(ids.put_into("kanban show t_…").unwrap(), "kanban show t_22222222");
}
