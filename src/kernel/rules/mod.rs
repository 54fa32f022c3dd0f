//! Decisions used by more than one part of the board: each is here once, as a plain function over facts.

pub mod address;
pub mod ask_pause;
pub mod assignee;
pub mod block;
pub mod chat;
pub mod chat_groups;
pub mod clear;
pub mod cron;
pub mod daily;
pub mod inbox;
pub mod landing;
pub mod live;
pub mod moves;
pub mod notice_json;
pub mod notice_text;
pub mod notify;
pub mod outbox;
pub mod pair_fault;
pub mod question;
pub mod quiet;
pub mod reason;
pub mod review;
pub mod schedule;
pub mod start;
pub mod task_ref;
