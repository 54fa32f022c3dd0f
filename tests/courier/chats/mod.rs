//! Chats where a bot and a hook are two ways: each outcome of the tables, and what is shown.

use kanband::notify::channel::Channel;

mod discord;
mod matrix;
mod mattermost;
mod slack;

/// For a credential, and the URL of the channel: what is wrong with it.
type Fault = (&'static str, Option<&'static str>, Option<&'static str>);

/// Each credential has the fault that it should have, and none shows what it is.
fn have_faults(with: impl Fn(&str, Option<&str>) -> Channel, table: &[Fault]) {
    for (name, url, expected) in table {
        let channel = with(name, *url);
        let fault = channel.fault().unwrap_or_default();
        assert!(fault.contains(expected.unwrap_or_default()), "{name}: {fault}");
        assert_eq!(channel.fault().is_some(), expected.is_some(), "{name}: {fault}");
        assert!(!fault.contains("SENTINEL"), "{fault}");
    }
}
