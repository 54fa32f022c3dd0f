//! What a person answers to a list: numbers, a range, all or none. Pure.

/// The chosen positions, from 0, each once and in order. Nothing typed is `all`.
///
/// # Errors
/// One line: what is no choice.
pub(super) fn several(answer: &str, count: usize) -> Result<Vec<usize>, String> {
    let answer = answer.trim().to_lowercase();
    match answer.as_str() {
        "" | "all" | "a" | "y" | "yes" => return Ok((0..count).collect()),
        "none" | "n" | "no" | "0" => return Ok(Vec::new()),
        _ => {}
    }
    let mut chosen = Vec::new();
    let is_end = |sign: char| sign == ',' || sign.is_whitespace();
    for word in answer.split(is_end).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (position(first, count)?, position(last, count)?);
        if first > last {
            return Err(format!("{word}: the second number is smaller than the first"));
        }
        chosen.extend(first..=last);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// The chosen position, from 0. Nothing typed is the first.
///
/// # Errors
/// One line: what is no choice.
pub(super) fn one(answer: &str, count: usize) -> Result<usize, String> {
    let answer = answer.trim();
    if answer.is_empty() { Ok(0) } else { position(answer, count) }
}

fn position(word: &str, count: usize) -> Result<usize, String> {
    let number = word.trim().parse::<usize>().ok().filter(|number| (1..=count).contains(number));
    number
        .and_then(|number| number.checked_sub(1))
        .ok_or_else(|| format!("{word}: not a number from 1 to {count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_chooses_what_it_names() {
        for (answer, expected) in [
            ("", Ok(vec![0, 1, 2])),
            ("all\n", Ok(vec![0, 1, 2])),
            ("Yes", Ok(vec![0, 1, 2])),
            ("none", Ok(vec![])),
            ("n", Ok(vec![])),
            ("2", Ok(vec![1])),
            ("3, 1", Ok(vec![0, 2])),
            ("1 1 1", Ok(vec![0])),
            ("2-3", Ok(vec![1, 2])),
            ("3-2", Err("3-2: the second number is smaller than the first".to_owned())),
            ("4", Err("4: not a number from 1 to 3".to_owned())),
            ("1,x", Err("x: not a number from 1 to 3".to_owned())),
            ("-1", Err(": not a number from 1 to 3".to_owned())),
        ] {
            assert_eq!(several(answer, 3), expected, "{answer:?}");
        }
        for (answer, expected) in [
            ("\n", Ok(0)),
            (" 2 \n", Ok(1)),
            ("0", Err("0: not a number from 1 to 2".to_owned())),
            ("no", Err("no: not a number from 1 to 2".to_owned())),
        ] {
            assert_eq!(one(answer, 2), expected, "{answer:?}");
        }
    }
}
