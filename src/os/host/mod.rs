//! The host: clock, randomness, disk, descriptors, terminal, timer, sockets as files, and the service manager.

pub mod agent;
pub mod clock;
pub mod descriptors;
pub mod disk;
pub mod file_watch;
pub mod journal;
pub mod name;
pub mod random;
pub mod service_manager;
pub mod service_units;
pub mod sock_diag;
pub mod socket_file;
pub mod stderr;
pub mod terminal;
pub mod timer_lists;
pub mod wall_timer;
pub mod worker_users;
