//! People in the chats of other providers than Telegram: what is theirs alone beside a daemon that is a fake, and the same stories with a
//! real one.

mod discord;
mod matrix;
mod replies;
mod slack;
mod story;
