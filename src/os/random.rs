//! Randomness of the operating system (getrandom(2)).

use std::io;

/// `bytes` random bytes as lower-case hex.
///
/// # Errors
/// The kernel has no randomness to give.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0_u8; bytes];
    getrandom::fill(&mut buffer).map_err(io::Error::other)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// 64 random bits.
///
/// # Errors
/// The kernel has no randomness to give.
pub fn random_u64() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}
