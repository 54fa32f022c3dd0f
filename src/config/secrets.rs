//! Which values of a worker's environment are redacted in its log.
//!
//! A variable in `env_public` is never secret. Otherwise it is secret, in this order:
//!
//! 1. **by name**, from any source: a word of the name denotes a secret, and the value has at least 6 bytes. Shorter values occur
//!    in ordinary text and would make the log unreadable;
//! 2. **by credentials**, from any source: the value is a URL that contains credentials;
//! 3. **by value**, for variables of the profile only: the value has at least 8 bytes and is no path, locale, URL without credentials,
//!    number or boolean. Profiles are the place for keys, whatever the variable is called.
//!
//! [`secrets_of`] and [`redactions`] use the same rule, so `kanban profiles check` lists exactly what is redacted.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

mod names;
mod values;

/// Shortest value that is secret by name or credentials, bytes.
const NAMED_BYTES_MIN: usize = 6;

/// Shortest value that is secret by value, bytes.
const VALUE_BYTES_MIN: usize = 8;

/// Why a variable counts as secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its name denotes a secret.
    Name,
    /// Its value is a URL that contains credentials.
    Credentials,
    /// It is set by the profile, and its value is not known to be harmless.
    Value,
}

impl Reason {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Credentials => "credentials",
            Self::Value => "value",
        }
    }
}

/// The parts of a profile that the rule depends on.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// Variables that the profile sets, by name.
    pub of_profile: &'a BTreeMap<String, String>,
    /// `env_public` of the profile.
    pub public: &'a [String],
}

impl Rule<'_> {
    /// Why the variable counts as secret; none when it does not.
    pub fn judge(&self, name: &str, value: &str) -> Option<Reason> {
        let value = value.trim();
        if self.public.iter().any(|public| public == name) {
            return None;
        }
        if value.len() >= NAMED_BYTES_MIN && names::is_secret(name, value) {
            return Some(Reason::Name);
        }
        if values::has_credentials(value) {
            return Some(Reason::Credentials);
        }
        let is_unknown = value.len() >= VALUE_BYTES_MIN && !values::is_harmless(value);
        (self.of_profile.contains_key(name) && is_unknown).then_some(Reason::Value)
    }
}

/// The variables that a profile sets: those of its `env_file`, and over them those of `env`.
pub fn set_by_profile(
    of_file: &BTreeMap<String, String>,
    of_configuration: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut set = of_file.clone();
    set.extend(of_configuration.clone());
    set
}

/// The variables whose values are redacted, with the reason, sorted by name.
pub fn redactions(environment: &BTreeMap<String, String>, rule: Rule<'_>) -> Vec<(String, Reason)> {
    let judged = environment
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), rule.judge(name, value)?)));
    judged.collect()
}

/// The secret values of `environment`: those of [`redactions`], and the credentials of each URL separately.
pub fn secrets_of(environment: &BTreeMap<String, String>, rule: Rule<'_>) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in environment {
        if rule.judge(name, value).is_some() {
            secrets.push(value.trim().to_owned());
            secrets.extend(credentials_of(value.trim()));
        }
    }
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// The password of a URL and `user:password`, percent-encoded and decoded.
fn credentials_of(value: &str) -> Vec<String> {
    let Some(user_info) = values::user_info(value) else { return Vec::new() };
    let password = user_info.split_once(':').map_or(user_info, |(_, password)| password);
    let written = [user_info, password];
    let meant = written.map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    let all = written.map(str::to_owned).into_iter().chain(meant);
    all.filter(|text| text.len() >= NAMED_BYTES_MIN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn rule<'a>(of_profile: &'a BTreeMap<String, String>, public: &'a [String]) -> Rule<'a> {
        Rule { of_profile, public }
    }

    #[test]
    fn each_variable_is_judged_by_the_first_rule_that_holds() {
        // (name, value, of the profile, elsewhere)
        let (name, credentials, value) =
            (Some(Reason::Name), Some(Reason::Credentials), Some(Reason::Value));
        for (variable, held, of_profile, elsewhere) in [
            ("A_TOKEN", "12345", None, None),
            ("A_TOKEN", "123456", name, name),
            ("A_TOKEN", "  123456\n", name, name),
            ("REGION", "eu-west-1", value, None),
            ("REGION", "eu-west", None, None),
            ("REGION", " eu-west ", None, None),
            ("DATABASE_URL", "postgres://ann:pw@db/x", credentials, credentials),
            ("DATABASE_URL", "postgres://db.example.com/x", None, None),
            ("http_proxy", "http://ann:pw@proxy:3128", credentials, credentials),
            ("HOME", "/home/ann", None, None),
            ("LANG", "de_DE.UTF-8", None, None),
            ("LIMIT", "123456789", None, None),
            ("FLAG", "disabled", None, None),
            ("OPEN", "sk-live-0815", None, None),
        ] {
            let own = map(&[(variable, held)]);
            let public = ["OPEN".to_owned()];
            let here = rule(&own, &public).judge(variable, held);
            assert_eq!(here, of_profile, "{variable}={held} of a profile");
            let there = rule(&BTreeMap::new(), &public).judge(variable, held);
            assert_eq!(there, elsewhere, "{variable}={held} from elsewhere");
        }
    }

    #[test]
    fn a_public_variable_stays_whatever_it_is_called() {
        let env = map(&[("PUBLIC_KEY", "ssh-ed25519 AAAA"), ("API_KEY", "sk-live-0815")]);
        let public = ["PUBLIC_KEY".to_owned()];
        assert_eq!(redactions(&env, rule(&env, &public)), [("API_KEY".to_owned(), Reason::Name)]);
        assert_eq!(secrets_of(&env, rule(&env, &public)), ["sk-live-0815"]);
    }

    #[test]
    fn the_credentials_of_a_url_are_secrets_by_themselves() {
        let env = map(&[("DATABASE_URL", "postgres://ann:hunter%2F22@db/x")]);
        assert_eq!(
            secrets_of(&env, rule(&BTreeMap::new(), &[])),
            [
                "ann:hunter%2F22",
                "ann:hunter/22",
                "hunter%2F22",
                "hunter/22",
                "postgres://ann:hunter%2F22@db/x"
            ]
        );
        let env = map(&[("DSN", "https://0123456789abcdef@sentry.example.com/7")]);
        assert!(secrets_of(&env, rule(&env, &[])).contains(&"0123456789abcdef".to_owned()));
    }
}
