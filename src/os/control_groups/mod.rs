//! Control groups (cgroups(7), version 2): where the hierarchy is, which controllers it has, the groups of a home, and the one
//! group of a run.

pub mod cgroup;
pub mod controllers;
pub mod group_ids;
pub mod hierarchy;
pub mod leaf;
