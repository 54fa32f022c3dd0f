//! The client of HTTP for senders: a connection of our own to an address that the guard has let through, no redirects, no proxy, and
//! limits on time and size. It says how much is known of a request that failed, for that decides whether it may be repeated.

mod client;
mod connection;
mod failure;
pub mod json;
pub mod socket;
pub mod tls;

pub use client::{Answer, HttpClient, Limits, Method, Outgoing};
pub use connection::Rules;
pub use failure::Failure;
