//! Chats where a bot and a hook are two ways: each outcome of the tables, and what is shown.

mod discord;
mod matrix;
mod mattermost;
mod slack;
