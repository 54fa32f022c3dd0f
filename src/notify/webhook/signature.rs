//! Signatures of Standard Webhooks 1.0. Pure: the time of the attempt comes in as an argument.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::signature::Ed25519KeyPair;
use thiserror::Error;

/// Bytes that a shared secret has.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Bytes of the seed of an Ed25519 key; a whole private key has the public one behind it.
const SEED_BYTES: usize = 32;

/// Secrets at a time: the one in use, and the one before it.
const KEYS_MAX: usize = 4;

/// Why a credential has no keys. The credential itself is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing in it.
    #[error("the credential is empty: it holds one secret of the form whsec_… per line")]
    Empty,
    /// More than are tried.
    #[error("the credential holds more than {KEYS_MAX} secrets")]
    TooMany,
    /// Neither form.
    #[error(
        "line {line} of the credential is neither whsec_… (24 to 64 bytes in base64) nor whsk_…"
    )]
    Form {
        /// Which.
        line: usize,
    },
}

enum Key {
    Shared(hmac::Key),
    Pair(Ed25519KeyPair),
}

/// The keys of a channel: two while a secret is being replaced.
pub struct Keys(Vec<Key>);

impl Keys {
    /// Of a credential: one secret per line.
    ///
    /// # Errors
    /// There is none, or one is malformed.
    pub fn of_credential(text: &str) -> Result<Self, KeyError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return Err(KeyError::Empty);
        }
        if words.len() > KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let keys = (1..).zip(words).map(|(line, word)| key_of(word).ok_or(KeyError::Form { line }));
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// The value of `webhook-signature`: one signature per key, separated by blanks.
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let mut content = format!("{id}.{timestamp_seconds}.").into_bytes();
        content.extend_from_slice(body);
        let signatures = self.0.iter().map(|key| match key {
            Key::Shared(key) => format!("v1,{}", STANDARD.encode(hmac::sign(key, &content))),
            Key::Pair(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(&content))),
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

fn key_of(word: &str) -> Option<Key> {
    if let Some(secret) = word.strip_prefix("whsec_") {
        let bytes =
            STANDARD.decode(secret).ok().filter(|bytes| SECRET_BYTES.contains(&bytes.len()))?;
        return Some(Key::Shared(hmac::Key::new(hmac::HMAC_SHA256, &bytes)));
    }
    let bytes = STANDARD.decode(word.strip_prefix("whsk_")?).ok()?;
    let (seed, public) = bytes.split_at_checked(SEED_BYTES)?;
    let pair = match public {
        [] => Ed25519KeyPair::from_seed_unchecked(seed),
        public => Ed25519KeyPair::from_seed_and_public_key(seed, public),
    };
    pair.ok().map(Key::Pair)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    /// The example of the specification of Standard Webhooks 1.0, as its reference libraries test it.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let keys = Keys::of_credential("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_replaced_secret_signs_beside_the_new_one() {
        let new = format!("whsec_{}", STANDARD.encode([7; 32]));
        let old = format!("whsec_{}", STANDARD.encode([8; 24]));
        let both = Keys::of_credential(&format!("{new}\n{old}\n")).unwrap().sign("i", 1, b"b");
        let one = |text: &str| Keys::of_credential(text).unwrap().sign("i", 1, b"b");
        assert_eq!(both, format!("{} {}", one(&new), one(&old)));
    }

    #[test]
    fn a_pair_of_keys_signs_what_its_public_half_verifies() {
        let seed = [9; SEED_BYTES];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let whole: Vec<u8> = [&seed[..], pair.public_key().as_ref()].concat();
        for private in [&seed[..], &whole] {
            let keys = Keys::of_credential(&format!("whsk_{}", STANDARD.encode(private))).unwrap();
            let signature = keys.sign("i", 1, b"b");
            let signature = STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
            let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
            assert!(public.verify(b"i.1.b", &signature).is_ok());
            assert!(public.verify(b"i.1.c", &signature).is_err());
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_by_its_line_and_not_shown() {
        let good = format!("whsec_{}", STANDARD.encode([7; 32]));
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        for (text, expected) in [
            (String::new(), KeyError::Empty),
            ("SENTINEL".to_owned(), KeyError::Form { line: 1 }),
            (format!("{good}\n{short}"), KeyError::Form { line: 2 }),
            (format!("{good} whsec_!"), KeyError::Form { line: 2 }),
            ("whsk_AAAA".to_owned(), KeyError::Form { line: 1 }),
            ([good.as_str(); 5].join("\n"), KeyError::TooMany),
        ] {
            let error = Keys::of_credential(&text).err().unwrap();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("SENTINEL"));
        }
    }
}
