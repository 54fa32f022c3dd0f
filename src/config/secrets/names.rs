//! Names that by convention denote secrets.

/// Words that denote a secret.
const WORDS: &[&str] = &[
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "PW",
    "CREDENTIAL",
    "CRED",
    "AUTH",
    "AUTHORIZATION",
    "BEARER",
    "PAT",
    "DSN",
    "COOKIE",
    "JWT",
    "PIN",
    "OTP",
    "TOTP",
    "WEBHOOK",
    "SIGNATURE",
    "SALT",
    "CONNSTR",
    "CONNECTIONSTRING",
];

/// Ends of compound words that denote a secret: SSHPASS, PGPASSWORD, AUTHTOKEN, PRIVATEKEY.
const ENDS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PASSWRD",
    "CREDENTIAL",
    "COOKIE",
    "APIKEY",
    "PRIVATEKEY",
    "SECRETKEY",
    "ACCESSKEY",
    "AUTHKEY",
    "SIGNINGKEY",
    "MASTERKEY",
    "ENCRYPTIONKEY",
    "DECRYPTIONKEY",
    "LICENSEKEY",
    "DEPLOYKEY",
    "SSHKEY",
    "SSHPW",
    "PGPW",
];

/// Words with such an end that denote something else.
const BY_CHANCE: &[&str] = &["BYPASS", "COMPASS", "UNDERPASS", "TRESPASS", "OVERPASS"];

/// Pairs of words that denote a secret together.
const PAIRS: &[(&str, &str)] =
    &[("CONNECTION", "STRING"), ("CONN", "STRING"), ("CONN", "STR"), ("SESSION", "ID")];

/// Last words of names that denote the place or a property of a secret.
const ABOUT: &[&str] = &[
    "FILE",
    "PATH",
    "DIR",
    "DIRECTORY",
    "SOCK",
    "SOCKET",
    "NAME",
    "URL",
    "URI",
    "HOST",
    "PORT",
    "ENDPOINT",
    "TYPE",
    "TTL",
    "ENABLED",
];

/// Words whose id is a secret too: VAULT_SECRET_ID, AWS_ACCESS_KEY_ID.
const ID_OF: &[&str] = &["SECRET", "TOKEN", "PASSWORD", "ACCESS", "SESSION"];

/// Names of directories that contain such a word.
const DIRECTORIES: &[&str] = &["PWD", "OLDPWD"];

/// Whether the name denotes a secret; `value` tells counts (MAX_TOKENS) apart.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if DIRECTORIES.contains(&name.as_str()) {
        return false;
    }
    let words: Vec<&str> = name
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let last = words.last().copied().unwrap_or_default();
    if ABOUT.contains(&last) {
        return false;
    }
    if last == "ID" && !words.iter().any(|word| ID_OF.contains(word)) {
        return false;
    }
    let is_count = last == "TOKENS" && value.parse::<f64>().is_ok();
    let says = |word: &&str| says_secret(word);
    let is_pair = |pair: &[&str]| matches!(pair, [one, two] if PAIRS.contains(&(*one, *two)));
    !is_count && (words.iter().any(says) || words.windows(2).any(is_pair))
}

/// Whether the word denotes a secret, in singular or plural, with or without a trailing number.
fn says_secret(word: &str) -> bool {
    let word = word.trim_end_matches(|sign: char| sign.is_ascii_digit());
    let is_one = |word: &str| {
        let ends = || ENDS.iter().any(|end| word.ends_with(end));
        WORDS.contains(&word) || (ends() && !BY_CHANCE.contains(&word))
    };
    is_one(word) || word.strip_suffix('S').is_some_and(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for name in [
            "OPENAI_API_KEY",
            "github_token",
            "DB_PASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "MY_APIKEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
            "AWS_KEYS",
            "PGPASSWORD",
            "MYSQL_PWD",
            "SMTP_PASS",
            "SSHPASS",
            "VAULT_SECRET_ID",
            "NPM_CONFIG__AUTHTOKEN",
            "NPM_TOKEN",
            "npm_config_//registry.example.com/:_authToken",
            "GITHUB_TOKENS",
            "GITLAB_PAT",
            "SIGNING_PRIVATEKEY",
            "PRIVATE_KEY",
            "SSH_PRIVATE_KEY_2",
            "SENTRY_DSN",
            "SESSION_COOKIE",
            "SESSION_ID",
            "BEARER",
            "HTTP_BEARER_TOKEN",
            "REDIS_AUTH",
            "BASIC_AUTH",
            "GIT_CREDENTIALS",
            "DB_CREDS",
            "CONNECTION_STRING",
            "AZURE_STORAGE_CONNECTION_STRING",
            "CONN_STR",
            "JWT",
            "TLS_KEY_PASSPHRASE",
            "SLACK_WEBHOOK",
            "TOTP_SECRET",
            "CARD_PIN",
            "TOKEN1",
            "API_KEYS",
        ] {
            assert!(is_secret(name, "0123456789ab-x"), "{name}");
        }
    }

    #[test]
    fn names_that_only_sound_like_it_are_not() {
        for name in [
            "KANBAN_TOKEN_FILE",
            "SSH_AUTH_SOCK",
            "KEYBOARD",
            "PATH",
            "MODEL",
            "PWD",
            "OLDPWD",
            "HOME",
            "GIT_AUTHOR_NAME",
            "MONKEY",
            "HOTKEYS",
            "BYPASS",
            "COMPASS",
            "PASSIVE",
            "AUTHOR",
            "TOKENIZER",
            "SECRETARY",
            "KEY_ID",
            "TOKEN_URL",
            "KEY_TYPE",
            "PATTERN",
            "SPIN",
            "LANG",
            "COOKIE_PATH",
            "SSL_CERT_FILE",
            "AWS_REGION",
            "PINNED",
            "SIGN",
        ] {
            assert!(!is_secret(name, "0123456789ab-x"), "{name}");
        }
        assert!(!is_secret("MAX_OUTPUT_TOKENS", "128000") && is_secret("CI_TOKENS", "128-abc"));
    }
}
