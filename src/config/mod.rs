//! Configuration: where kanband keeps its files, how it behaves, what it starts.
//!
//! ```text
//! Ambient ──► Home ──► Sockets           where things are
//!    │
//!    └─► load ──► Settings ──► resolve ──► Resolution ──► render ──► argv
//!          ▲          └──────► worker_environment ──► environment of a worker
//!          │
//!   keys::SECTIONS ──► default_file      every key: once
//! ```
//!
//! Nothing here reads the process's environment, user or working directory except [`Ambient::of_process`];
//! everything else is a function of what it is given. Files are read only by [`load()`].

pub mod ambient;
pub mod chat_settings;
pub mod default_file;
pub mod disk_settings;
mod dispatch;
pub mod held_secrets;
pub mod home;
pub mod home_error;
pub mod keys;
pub mod launch;
pub mod load;
mod log_level;
pub mod notify_settings;
pub mod presets;
pub mod problem;
pub mod render;
pub mod review_settings;
pub mod schedule_settings;
pub mod secrets;
pub mod settings;
pub mod shown;
pub mod sockets;
pub mod template;
pub mod toml_text;
pub mod web_settings;
pub mod worker_environment;
pub mod worker_user;
pub mod worktree;

mod accept;
mod checks;
mod layer;

pub use ambient::Ambient;
pub use home::{Home, own_units};
pub use home_error::HomeError;
pub use load::{left_out, load};
pub use problem::ConfigProblems;
pub use settings::Settings;
pub use sockets::{Sockets, client_socket};
