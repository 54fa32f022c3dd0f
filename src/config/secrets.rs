//! Which values of a worker's environment must not reach its log.
//!
//! A variable is told by its name: one of its words says that it is a secret and its last word does not say that it only
//! tells where one is. Short values are left alone: they occur in ordinary text, and a log full of `[redacted]` helps nobody.

use std::collections::BTreeMap;

/// Words of a name that say what it holds.
const SECRET_WORDS: &[&str] = &[
    "KEY",
    "APIKEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "PAT",
];

/// Last words of a name that holds a place, not the secret itself.
const PLACE_WORDS: &[&str] = &["FILE", "PATH", "DIR", "SOCK", "SOCKET", "ID", "NAME"];

/// Shortest value that is taken out, bytes.
const SECRET_BYTES_MIN: usize = 6;

/// The secret values of `environment`, for the run's log.
pub fn secrets_of(environment: &BTreeMap<String, String>) -> Vec<String> {
    environment
        .iter()
        .filter(|(name, value)| value.len() >= SECRET_BYTES_MIN && is_secret(name))
        .map(|(_, value)| value.clone())
        .collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_place = name.rsplit('_').next().is_some_and(|last| PLACE_WORDS.contains(&last));
    !is_place && name.split('_').any(|word| SECRET_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for (name, expected) in [
            ("OPENAI_API_KEY", true),
            ("github_token", true),
            ("DB_PASSWORD", true),
            ("AWS_SECRET_ACCESS_KEY", true),
            ("MY_APIKEY", true),
            ("KANBAN_TOKEN_FILE", false),
            ("AWS_ACCESS_KEY_ID", false),
            ("SSH_AUTH_SOCK", false),
            ("KEYBOARD", false),
            ("PATH", false),
            ("MODEL", false),
        ] {
            assert_eq!(is_secret(name), expected, "{name}");
        }
    }

    #[test]
    fn short_values_stay() {
        let environment: BTreeMap<String, String> =
            [("A_TOKEN", "12345"), ("B_TOKEN", "123456"), ("HOME", "/home/x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        assert_eq!(secrets_of(&environment), ["123456"]);
    }
}
