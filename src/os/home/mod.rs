//! Files of a home: which they are, the lifetime lock, the identity of the board's file, attached files and skills.

pub mod attachments;
pub mod board_files;
pub mod files;
pub mod hook_files;
pub mod lock;
pub mod lock_owner;
pub mod restored_files;
pub mod skill_files;
