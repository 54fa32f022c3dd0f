//! Waiting: the one place of the tests where time passes.

use std::time::{Duration, Instant};

/// After so long a test is called hung. Nothing is proven by waiting this long: it is generous, for a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks again and again until there is an answer, which it returns.
///
/// # Panics
///
/// When there is none within [`DEADLINE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_or(|| format!("waited in vain for {what}"), look)
}

/// The same; `explain` says what is known when there is no answer.
///
/// # Panics
///
/// When there is none within [`DEADLINE`].
pub fn until_or<T>(explain: impl FnOnce() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "{}", explain());
        let_pass(PAUSE);
    }
}

/// Lets time pass, for tests that show that nothing happens in it.
#[expect(clippy::disallowed_methods, reason = "the one place where tests wait")]
pub fn let_pass(time: Duration) {
    std::thread::sleep(time);
}
