//! Classification of values: harmless, or a URL with credentials. A value in doubt is not harmless.

/// Shortest word that counts as random.
const RANDOM_BYTES_MIN: usize = 16;

/// First components of time zone names, which count as locale.
const ZONE_AREAS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Etc",
    "Europe",
    "Indian",
    "Pacific",
    "US",
];

/// Whether the value is a path, a locale, a URL without credentials, a number or a boolean.
pub(super) fn is_harmless(value: &str) -> bool {
    is_path(value)
        || is_locale(value)
        || is_plain_url(value)
        || is_number(value)
        || is_boolean(value)
}

/// Whether it is a URL with credentials: user info, or a parameter whose name denotes a secret.
pub(super) fn has_credentials(value: &str) -> bool {
    user_info(value).is_some() || has_secret_parameter(value)
}

/// The user info of a URL.
pub(super) fn user_info(value: &str) -> Option<&str> {
    let (_, rest) = scheme_and_rest(value)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // A password may contain an unescaped `@`.
    let before_path = authority.rsplit_once('@').map(|(user_info, _)| user_info);
    before_path.filter(|user_info| !user_info.is_empty())
}

fn scheme_and_rest(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_once("://")?;
    let is_scheme = scheme.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && scheme.chars().all(|sign| sign.is_ascii_alphanumeric() || "+-.".contains(sign));
    is_scheme.then_some((scheme, rest))
}

fn has_secret_parameter(value: &str) -> bool {
    let Some((_, rest)) = scheme_and_rest(value) else { return false };
    let Some((_, parameters)) = rest.split_once(['?', '#']) else { return false };
    parameters.split(['&', ';', '#']).any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let is_signature = name.eq_ignore_ascii_case("sig");
        !value.is_empty() && (is_signature || super::names::is_secret(name, value))
    })
}

fn is_plain_url(value: &str) -> bool {
    let is_text = value.chars().all(|sign| !sign.is_whitespace() && !sign.is_control());
    // The path of a webhook is its secret.
    let has_word = value.split(['/', '?', '#', '&', '=', ':']).any(is_random);
    is_text && scheme_and_rest(value).is_some() && !has_credentials(value) && !has_word
}

/// One path or several, as in a search path.
fn is_path(value: &str) -> bool {
    let is_one = |path: &str| {
        let is_rooted = ["/", "~/", "./", "../"].iter().any(|root| path.starts_with(root));
        let is_home = matches!(path, "~" | "." | "..");
        (is_rooted || is_home)
            && !path.contains(|sign: char| sign.is_control())
            // Base64 contains slashes and may begin with one.
            && !path.contains("==")
            && !path.split('/').any(is_random)
    };
    value.split(':').all(is_one)
}

/// Whether a word looks random: lower and upper case letters and digits, without separators.
fn is_random(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    let is_gapless =
        word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=_-".contains(&byte));
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    word.len() >= RANDOM_BYTES_MIN && is_gapless && is_mixed && has(u8::is_ascii_digit)
}

/// `de_DE.UTF-8@euro`, `C.UTF-8`, `en_US:en`, `Europe/Berlin`.
fn is_locale(value: &str) -> bool {
    let is_list = || value.contains('_') && value.split(':').all(is_one_locale);
    is_one_locale(value) || is_list() || is_zone(value)
}

fn is_one_locale(value: &str) -> bool {
    let (value, modifier) = value.split_once('@').unwrap_or((value, "x"));
    let (value, charset) = value.split_once('.').unwrap_or((value, "x"));
    let is_word = |word: &str| {
        !word.is_empty()
            && word.len() <= 12
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_language = match value.split_once('_') {
        Some((language, territory)) => {
            matches!(language.len(), 2 | 3)
                && language.bytes().all(|byte| byte.is_ascii_lowercase())
                && matches!(territory.len(), 2 | 3)
                && territory.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        None => {
            matches!(value, "C" | "POSIX")
                || matches!(value.len(), 2 | 3)
                    && value.bytes().all(|byte| byte.is_ascii_lowercase())
        }
    };
    is_language && is_word(charset) && is_word(modifier)
}

fn is_zone(value: &str) -> bool {
    let Some((area, location)) = value.split_once('/') else { return false };
    let is_place = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
    ZONE_AREAS.contains(&area)
        && location.len() <= 32
        && location.bytes().all(is_place)
        && !is_random(location)
}

/// `-12`, `1.5`, `1_000_000`, `0xff`, `1e9`.
fn is_number(value: &str) -> bool {
    let plain = value.replace('_', "");
    let digits = plain.trim_start_matches(['+', '-']);
    let in_base = |prefix: &str, radix| {
        digits.strip_prefix(prefix).is_some_and(|rest| {
            // A longer number may be a key.
            !rest.is_empty() && rest.len() <= 16 && rest.chars().all(|sign| sign.is_digit(radix))
        })
    };
    let is_decimal = digits.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.');
    (is_decimal && plain.parse::<f64>().is_ok())
        || [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, radix)| in_base(prefix, *radix))
}

fn is_boolean(value: &str) -> bool {
    let words =
        ["true", "false", "yes", "no", "on", "off", "enabled", "disabled", "enable", "disable"];
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_locales_plain_urls_numbers_and_booleans_are_harmless() {
        for value in [
            "/usr/local/bin",
            "/usr/bin:/bin:/opt/x y",
            "~/projects/a",
            "./relative/dir",
            "/Users/Ann/Library",
            "/nix/store/0c5jh8q9kmr7h3xq2v5z0wm3wq5l7d2p-hello-2.12",
            "de_DE.UTF-8",
            "C.UTF-8",
            "POSIX",
            "en_US:en",
            "sr_RS.UTF-8@latin",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "https://example.com/a/b?page=2",
            "http://localhost:8080",
            "file:///srv/data",
            "unix:///run/x.sock",
            "123456789",
            "-12345.678",
            "1_000_000_000",
            "1e9",
            "0xdeadbeef",
            "disabled",
            "FALSE",
        ] {
            assert!(is_harmless(value), "{value}");
        }
    }

    #[test]
    fn everything_else_may_be_a_secret() {
        for value in [
            "v4lue-of-something",
            "production",
            "correct horse",
            "/wJalrXUtnFEMIK7MDENGbPxRfi",
            "/aB3/dE5+fG7hI9jK1lM3nO5==",
            "https://ann:pw@example.com",
            "https://example.com/?token=abcdef",
            "https://example.com/x?a=1&sig=abcdef",
            "https://hooks.example.com/services/T000/B000/aB3dE5fG7hI9jK1lM3nO",
            "amqp://guest@mq:5672",
            "123456789abc",
            "0x0123456789abcdef0123456789abcdef",
            "12345678 ",
            "infinity",
            "Server=db;Password=x",
            "Europe/aB3dE5fG7hI9jK1lM3nO5",
            "line-one\n/home",
            "src/main.rs",
        ] {
            assert!(!is_harmless(value), "{value}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_found_wherever_they_stand() {
        for (value, expected) in [
            ("postgres://ann:pw@db/x", Some("ann:pw")),
            ("postgres://ann:p@w@db/x", Some("ann:p@w")),
            ("redis://:secret@host", Some(":secret")),
            ("https://key@sentry.example.com/7", Some("key")),
            ("https://example.com/@ann", None),
            ("https://@example.com", None),
            ("ann@example.com", None),
            ("not a scheme://ann@b", None),
        ] {
            assert_eq!(user_info(value), expected, "{value}");
        }
        assert!(has_credentials("https://example.com/cb#access_token=abcdef"));
        assert!(!has_credentials("https://example.com/?token=&page=2"));
    }
}
