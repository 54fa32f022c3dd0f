//! Artifacts: files that a worker declares as the results of its run. Path, size and hash are recorded, the bytes stay where
//! they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::Refusal;
use crate::kernel::limits::{ARTIFACTS_MAX, PATH_BYTES_MAX};
use crate::kernel::shorten::shorten;
use crate::kernel::validate;

/// A declared file, as the client found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Absolute path.
    pub path: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
}

/// The artifacts as they are recorded: each path once, in the order given.
///
/// # Errors
/// [`Refusal::InvalidValue`], [`Refusal::TooLarge`].
pub fn validated(given: &[Artifact]) -> Result<Vec<Artifact>, Refusal> {
    let invalid = |problem, value: &str| Refusal::InvalidValue {
        field: "artifacts",
        problem,
        value: shorten(value),
    };
    if given.len() > ARTIFACTS_MAX {
        return Err(invalid("at most 100 can be declared", &given.len().to_string()));
    }
    let mut kept: Vec<Artifact> = Vec::new();
    for artifact in given {
        validate::text("artifacts", &artifact.path, PATH_BYTES_MAX)?;
        validate::sha256(&artifact.sha256)?;
        if !artifact.path.starts_with('/') {
            return Err(invalid("a path must be absolute", &artifact.path));
        }
        match kept.iter().find(|known| known.path == artifact.path) {
            None => kept.push(artifact.clone()),
            Some(known) if known == artifact => {}
            Some(_) => return Err(invalid("a path is declared twice", &artifact.path)),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: &str, size_bytes: u64) -> Artifact {
        Artifact { path: path.to_owned(), size_bytes, sha256: "0".repeat(64) }
    }

    #[test]
    fn each_path_is_recorded_once_and_what_says_two_things_of_one_is_refused() {
        let given = [artifact("/a", 1), artifact("/b", 2), artifact("/a", 1)];
        assert_eq!(validated(&given).unwrap(), [artifact("/a", 1), artifact("/b", 2)]);
        let hash = Artifact { sha256: "ABC".to_owned(), ..artifact("/a", 1) };
        let many: Vec<Artifact> = (0..101).map(|n| artifact(&format!("/{n}"), 1)).collect();
        let long = artifact(&format!("/{}", "x".repeat(4096)), 1);
        for wrong in [
            &[artifact("/a", 1), artifact("/a", 2)][..],
            &[artifact("a", 1)],
            &[artifact("", 1)],
            &[artifact("/a\0", 1)],
            &[hash],
            &[long],
            &many,
        ] {
            assert!(validated(wrong).is_err(), "{:?}", wrong.first());
        }
    }
}
