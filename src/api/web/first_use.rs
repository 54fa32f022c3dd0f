//! The rows of the table of operations by which the page of an empty board begins.

use crate::api::call;
use crate::api::operation::{Method, Operation, by_hand};
use crate::service::add_profile::{self, AddProfile, AddProfileReply};
use crate::service::first_use::{self, FirstUse, GetFirstUse};

/// Agents, profiles and people.
pub const FIRST_USE: Operation = by_hand::<GetFirstUse, FirstUse>(
    "first_use",
    Method::Get,
    "/v1/first_use",
    "List who could work on a board, with the agents that were found and what each would run.",
    |api, call| call::query(api, call, first_use::first_use),
);

/// A built-in launcher gets a profile.
pub const ADD_PROFILE: Operation = by_hand::<AddProfile, AddProfileReply>(
    "add_profile",
    Method::Post,
    "/v1/profiles",
    "Add the profile of a built-in launcher to the configuration of a user's own daemon, and reload it.",
    |api, call| call::body(api, call, add_profile::add_profile),
);
