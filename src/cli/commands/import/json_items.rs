//! JSON objects whose keys are those of a task, however they are spelt: one per line, or an array of them.

use serde_json::{Map, Value};

use super::draft::{Content, Draft, Field, Unknown};
use super::location::{Located, Text, json_problem, parts};

/// A JSON object of a list, with where it stands in the file.
pub(super) struct Object<'t> {
    pub(super) fields: Map<String, Value>,
    /// The text from its opening brace on.
    text: &'t str,
    /// The whole file, and where the object begins in it.
    file: &'t Text<'t>,
    offset: usize,
    /// What a person calls it: `line 3`.
    pub(super) location: String,
}

impl Object<'_> {
    /// What is wrong with a key, with the line and the column of its value.
    pub(super) fn problem(&self, key: &str, problem: &str) -> String {
        let part = parts(self.text).into_iter().find(|part| part.key == Some(key));
        let at = part.map_or(0, |part| part.at);
        self.file.at(self.offset + at).says(problem)
    }
}

/// An object per line.
///
/// # Errors
/// One line with the place of what is wrong.
pub(super) fn lines<'t>(file: &'t Text<'t>) -> Result<Vec<Object<'t>>, String> {
    let (mut objects, mut offset) = (Vec::new(), 0);
    for (index, line) in file.text.split_inclusive('\n').enumerate() {
        if !line.trim().is_empty() {
            let mut object = object(file, offset, line.trim_end())?;
            object.location = format!("line {}", index + 1);
            objects.push(object);
        }
        offset += line.len();
    }
    Ok(objects)
}

/// The objects of an array.
///
/// # Errors
/// As [`lines`].
pub(super) fn array<'t>(file: &'t Text<'t>) -> Result<Vec<Object<'t>>, String> {
    // Read once as a whole, so that what follows may rely on it.
    let whole: Value = serde_json::from_str(file.text).map_err(|error| at_error(&error, (1, 0)))?;
    if !whole.is_array() {
        return Err(file.at(0).says("expected an array of objects"));
    }
    elements(file, file.text, 0)
}

/// The objects of the array at the beginning of `part`, which stands at `offset` of the file.
pub(super) fn elements<'t>(
    file: &'t Text<'t>,
    part: &'t str,
    offset: usize,
) -> Result<Vec<Object<'t>>, String> {
    let mut objects = Vec::new();
    for (index, element) in parts(part).into_iter().enumerate() {
        let rest = part.get(element.at..).unwrap_or_default();
        let mut object = object(file, offset + element.at, rest)?;
        object.location =
            format!("element {} (line {})", index + 1, file.at(offset + element.at).line);
        objects.push(object);
    }
    Ok(objects)
}

/// The object that begins at `offset`; what follows it in `text` does not matter.
fn object<'t>(file: &'t Text<'t>, offset: usize, text: &'t str) -> Result<Object<'t>, String> {
    let at = file.at(offset);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values
        .next()
        .unwrap_or(Ok(Value::Null))
        .map_err(|error| at_error(&error, (at.line, at.column - 1)))?;
    let kind = match value {
        Value::Object(fields) => {
            return Ok(Object { fields, text, file, offset, location: String::new() });
        }
        Value::Array(_) => "an array",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a truth value",
        Value::Null => "null",
    };
    Err(at.says(&format!("expected an object with a title, found {kind}")))
}

/// An error of serde in a text that begins at a place of the file.
fn at_error(error: &serde_json::Error, (line, columns): (usize, usize)) -> String {
    let before = if error.line() <= 1 { columns } else { 0 };
    let line = line + error.line().saturating_sub(1);
    Located { line, column: before + error.column().max(1) }.says(&json_problem(error))
}

/// Makes tasks of objects whose keys are those of a task.
///
/// # Errors
/// One line with the place of what is wrong.
pub(super) fn read(objects: Vec<Object<'_>>) -> Result<(Vec<Draft>, Unknown), String> {
    let (mut drafts, mut unknown) = (Vec::new(), Unknown::new());
    for object in objects {
        let mut draft = Draft { location: object.location.clone(), ..Draft::default() };
        for (key, value) in &object.fields {
            let content =
                content(value).map_err(|problem| object.problem(key, &format!("{key}: {problem}")));
            match (Field::of_name(key), content) {
                (Some(field), Ok(Some(content))) => draft
                    .set(field, content)
                    .map_err(|problem| object.problem(key, &format!("{key}: {problem}")))?,
                (Some(_), Err(problem)) => return Err(problem),
                (None, Ok(Some(_)) | Err(_)) => *unknown.entry(key.clone()).or_default() += 1,
                (_, Ok(None)) => {}
            }
        }
        if draft.title.is_empty() {
            return Err(object.problem("title", "there is no title"));
        }
        drafts.push(draft);
    }
    Ok((drafts, unknown))
}

/// What a value says in words; none when it says nothing.
fn content(value: &Value) -> Result<Option<Content>, String> {
    match value {
        Value::Array(values) => {
            let texts: Result<Vec<Option<String>>, String> = values.iter().map(text).collect();
            let list: Vec<String> = texts?.into_iter().flatten().collect();
            Ok((!list.is_empty()).then_some(Content::List(list)))
        }
        value => Ok(text(value)?.map(Content::Text)),
    }
}

/// A value as a text. Of an object its name, as programs write labels and people.
fn text(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        Value::Object(fields) => ["name", "login", "title", "id"]
            .iter()
            .find_map(|key| fields.get(*key))
            .map_or(Err("expected a text, found an object".to_owned()), text),
        Value::Array(_) => Err("expected a text, found an array".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_line_and_of_an_array_are_the_same_tasks() {
        let one =
            "{\"id\":7,\"Name\":\"Fix\\nit\",\"tags\":[\"a\",{\"name\":\"b\"}],\"x\":1,\"y\":null}";
        let two = "{\"title\":\"Test\",\"depends_on\":[7],\"status\":\"Done\"}";
        let by_line = format!("{one}\n\n{two}\n");
        let by_line = read(lines(&Text::new(&by_line)).unwrap()).unwrap();
        let by_array = format!("[\n{one},\n{two}]");
        let by_array = read(array(&Text::new(&by_array)).unwrap()).unwrap();
        for (drafts, unknown) in [&by_line, &by_array] {
            assert_eq!(drafts[0].title, "Fix it");
            assert_eq!(drafts[0].labels, ["a", "b"]);
            assert_eq!(drafts[1].parents, ["7"]);
            assert_eq!(unknown, &Unknown::from([("x".to_owned(), 1)]));
        }
        assert_eq!(by_line.0[1].location, "line 3");
        assert_eq!(by_array.0[1].location, "element 2 (line 3)");
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        for (text, expected) in [
            ("{\"title\":\"a\"}\n{\"title\":}\n", "line 2, column 10: expected value"),
            (
                "{\"title\":\"a\"}\n[1]\n",
                "line 2, column 1: expected an object with a title, found an array",
            ),
            ("{\"title\":\"a\"}\n{\"body\":\"b\"}", "line 2, column 1: there is no title"),
            (
                "{\"title\":\"ä\",\"priority\":\"soon\"}",
                "line 1, column 25: priority: expected a number",
            ),
            ("{\"title\":{\"x\":1}}", "line 1, column 10: title: expected a text, found an object"),
        ] {
            let problem = lines(&Text::new(text)).and_then(read).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
        for (text, expected) in [
            (
                "[\n  {\"title\":\"a\"},\n  \"b\"\n]",
                "line 3, column 3: expected an object with a title",
            ),
            ("[\n  {\"title\":\"a\"},\n]", "line 3, column 1: trailing comma"),
            ("[{\"title\":\"a\",\n  \"due\":\"soon\"}]", "line 2, column 9: due: expected a time"),
        ] {
            let problem = array(&Text::new(text)).and_then(read).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }
}
