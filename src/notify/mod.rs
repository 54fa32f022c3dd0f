//! `kanban-courier`: the only program that opens connections to elsewhere, and the only one that reads credentials.
//!
//! It asks the daemon for what is to be sent, sends it, and reports what became of it. The daemon decides about words, receivers and
//! times; how a message reads on a phone is decided here, where the limits and the markup of each provider are known.

#[cfg(feature = "courier")]
pub mod channel;
#[cfg(feature = "courier")]
pub mod courier;
#[cfg(feature = "courier")]
pub mod credential;
#[cfg(feature = "courier")]
pub mod daemon;
#[cfg(feature = "courier")]
pub mod discord;
#[cfg(feature = "courier")]
pub mod http;
#[cfg(feature = "courier")]
pub mod inbound;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(feature = "courier")]
pub mod matrix;
#[cfg(feature = "courier")]
pub mod mattermost;
#[cfg(feature = "courier")]
pub mod ntfy;
#[cfg(feature = "courier")]
pub mod outcome;
#[cfg(feature = "courier")]
pub mod program;
#[cfg(feature = "courier")]
pub mod render;
#[cfg(feature = "courier")]
pub mod secret;
#[cfg(feature = "courier")]
pub mod slack;
#[cfg(feature = "courier")]
pub mod telegram;
#[cfg(feature = "courier")]
pub mod webhook;
