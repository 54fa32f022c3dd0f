//! Which files of a configuration contain secrets: those with a secret variable for workers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{File, FileFormat, Map, Source as _, Value, ValueKind};

use crate::config::home::Home;
use crate::config::launch::resolve;
use crate::config::load::files_beside;
use crate::config::secrets::{Rule, secrets_of, set_by_profile};
use crate::config::settings::{Profile, Settings};

/// The secret values that profiles and launchers give to workers: those of `env`, of the env files that were read, by profile, and what is
/// passed on of the daemon's own environment.
pub fn values(
    settings: &Settings,
    env_files: &BTreeMap<String, BTreeMap<String, String>>,
    daemon_env: &BTreeMap<String, String>,
) -> Vec<String> {
    let none = BTreeMap::new();
    let passed = daemon_env.iter().filter(|(name, _)| settings.supervision.pass_env.contains(name));
    let passed: BTreeMap<String, String> =
        passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut found = secrets_of(&passed, Rule { of_profile: &none, public: &[] });
    for (name, profile) in &settings.profiles {
        let set = set_by_profile(env_files.get(name).unwrap_or(&none), &profile.env.0);
        let public = &profile.env_public;
        found.extend(secrets_of(&set, Rule { of_profile: &set, public }));
    }
    for launcher in settings.launchers.values() {
        let env = launcher.env.iter().map(|(name, value)| (name.clone(), value.render(|_| "")));
        let env: BTreeMap<String, String> = env.collect();
        found.extend(secrets_of(&env, Rule { of_profile: &none, public: &[] }));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the workers of a profile have what other ones of their user have not.
pub fn has_secrets(name: &str, profile: &Profile, settings: &Settings) -> bool {
    let is_public = |variable: &String| profile.env_public.contains(variable);
    if profile.env_file.is_some() || !profile.env.0.keys().all(is_public) {
        return true;
    }
    let Ok(resolution) = resolve(name, settings) else { return false };
    let env = resolution.launcher.env.iter();
    let env: BTreeMap<String, String> =
        env.map(|(name, value)| (name.clone(), value.render(|_| ""))).collect();
    let rule = Rule { of_profile: &BTreeMap::new(), public: &profile.env_public };
    !secrets_of(&env, rule).is_empty()
}

/// The files of the configuration of `home` that hold secrets, as far as they can be read and are what they are named after.
pub fn files_with_secrets(home: &Home) -> Vec<PathBuf> {
    let mut files = files_beside(home);
    files.retain(|file| std::fs::read_to_string(file).is_ok_and(|text| holds_secrets(&text)));
    files
}

/// Whether a configuration gives workers a variable that is a secret.
fn holds_secrets(text: &str) -> bool {
    let Ok(root) = File::from_str(text, FileFormat::Toml).collect() else { return false };
    ["profiles", "launchers"].into_iter().any(|section| {
        let entries = table(root.get(section)).into_iter().flat_map(Map::values);
        entries.into_iter().any(|entry| {
            let Some(entry) = table(Some(entry)) else { return false };
            let env = table(entry.get("env")).map(texts).unwrap_or_default();
            let public = entry.get("env_public").map(|names| names.clone().into_array());
            let public = public.and_then(Result::ok).unwrap_or_default();
            let public: Vec<String> =
                public.into_iter().filter_map(|name| name.into_string().ok()).collect();
            !secrets_of(&env, Rule { of_profile: &env, public: &public }).is_empty()
        })
    })
}

fn table(value: Option<&Value>) -> Option<&Map<String, Value>> {
    match value.map(|value| &value.kind) {
        Some(ValueKind::Table(table)) => Some(table),
        _ => None,
    }
}

fn texts(table: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.clone().into_string().unwrap_or_default();
    table.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;

    #[test]
    fn the_values_are_those_of_profiles_their_files_and_what_is_passed_on() {
        let settings = settings(
            "[supervision]\npass_env = [\"OPENAI_API_KEY\", \"EDITOR\"]
            [profiles.a]\nargv = [\"x\"]\nenv = { DEPLOY_TOKEN = \"s3cret-of-a\", MODE = \"fast\" }
            [profiles.b]\nargv = [\"x\"]\nenv_public = [\"NICKNAME\"]
            [launchers.c]\nargv = [\"x\"]\nenv = { C_KEY = \"s3cret-of-c\" }",
        );
        let variables = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let of_b = variables(&[("B_KEY", "s3cret-of-b"), ("NICKNAME", "nickname-of-b")]);
        let daemon = variables(&[
            ("OPENAI_API_KEY", "s3cret-of-daemon"),
            ("EDITOR", "some-editor"),
            ("OTHER_KEY", "not-passed-on"),
        ]);
        let found = values(&settings, &[("b".to_owned(), of_b)].into(), &daemon);
        assert_eq!(found, ["s3cret-of-a", "s3cret-of-b", "s3cret-of-c", "s3cret-of-daemon"]);
    }

    #[test]
    fn a_file_holds_secrets_when_one_of_its_variables_is_one() {
        for (text, expected) in [
            ("[profiles.a]\nenv = { DEPLOY_TOKEN = \"s3cret-of-a\" }", true),
            ("[profiles.a.env]\nA_PASSWORD = \"s3cret-of-a\"", true),
            ("[launchers.a]\nenv = { A_KEY = \"s3cret-of-a\" }", true),
            ("[profiles.a]\nenv = { EDITOR = \"true\" }", false),
            ("[profiles.a]\nenv = { EDITOR = \"true-editor\" }", true),
            ("[profiles.a]\nenv = { EDITOR = \"true-editor\" }\nenv_public = [\"EDITOR\"]", false),
            ("[profiles.a]\nargv = [\"x\"]", false),
            ("[dispatch]\nenabled = true", false),
            ("not a configuration", false),
            ("", false),
        ] {
            assert_eq!(holds_secrets(text), expected, "{text}");
        }
    }
}
