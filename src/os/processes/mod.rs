//! Processes: who one is ([`identity`]), how one is started ([`spawn`], [`fork_exec`]), signalled ([`pidfd`]), found in `/proc`
//! ([`proc_stat`], [`proc_tree`]) and identified as the caller on a socket ([`peer`]).

pub mod ask_program;
pub mod background;
mod capabilities;
pub mod code_pages;
pub mod command_as;
pub mod fd_passing;
pub mod fork_exec;
pub mod group;
pub mod helper;
pub mod identity;
pub mod inherited;
pub mod landlock;
pub mod listening_process;
pub mod own_process;
pub mod own_thread;
pub mod peer;
pub mod pidfd;
mod priorities;
pub mod privileged_program;
pub mod proc_root;
pub mod proc_stat;
pub mod proc_tree;
pub mod proc_view;
pub mod run_view;
pub mod signals;
pub mod spawn;
pub mod spawn_as;
mod spawn_in_group;
pub mod status_pipe;
#[cfg(test)]
pub(in crate::os) mod test_child;
pub mod user;
#[cfg(target_arch = "x86_64")]
mod vfork;
pub mod wait;
pub mod worker_mark;
pub mod young_processes;
