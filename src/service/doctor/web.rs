//! `doctor` about the board on the web: where it is, and what its door cannot know.

use std::sync::Arc;

use crate::os::control_groups::cgroup::Containment;
use crate::os::control_groups::group_ids::{GroupWhereabouts, whereabouts_of_group};
use crate::os::processes::user::Account;
use crate::service::Service;
use crate::service::doctor::check::{Check, Health};
use crate::service::web::door::WebDoor;

/// The checks.
pub(super) async fn checks(service: &Arc<Service>) -> Vec<Check> {
    let proxy = service.configuration.settings().web.proxy().cloned();
    let (web, containment) = (Arc::clone(&service.web), service.supervision.containment.get());
    // A process table and a user data base may take their time.
    let looked = tokio::task::spawn_blocking(move || {
        let mut checks = vec![door_check(&web.door)];
        if web.door.address().is_some() {
            checks.extend(placing_check(&containment));
        }
        checks.extend(proxy.and_then(|proxy| proxy_check(&proxy.user)));
        checks
    });
    looked.await.unwrap_or_default()
}

fn door_check(door: &WebDoor) -> Check {
    let name = "web";
    match (door, door.why_not()) {
        (WebDoor::Off, _) => Check::ok(name, "off"),
        (_, Some((why, fix))) => Check::bad(name, Health::Warn, why, fix),
        (WebDoor::Open { address, is_handed }, None) => {
            let made_by = if *is_handed { ", made by the service manager" } else { "" };
            Check::ok(name, format!("http://{address}{made_by}; `kanban dashboard` makes a link"))
        }
        (WebDoor::Taken { .. } | WebDoor::NotHanded { .. }, None) => Check::ok(name, "off"),
    }
}

/// Where runs have no control groups, a worker with the rights of a person's user is that person to the door.
fn placing_check(containment: &Containment) -> Option<Check> {
    let why = match whereabouts_of_group(containment, 0) {
        Ok(GroupWhereabouts::InRun(_) | GroupWhereabouts::Outside) => return None,
        Ok(GroupWhereabouts::NoGroups) => "runs have no control groups".to_owned(),
        Err(error) => format!("cannot look at the control groups of runs: {error}"),
    };
    Some(Check::bad(
        "web callers",
        Health::Warn,
        format!(
            "{why}: on the web, callers are known by their user only; a worker of a person's user cannot be distinguished from that person"
        ),
        "run workers as a user of their own (`profiles.NAME.user`), delegate a cgroup v2 hierarchy, or set `web.listen = \"off\"`",
    ))
}

fn proxy_check(user: &str) -> Option<Check> {
    let (message, fix) = match Account::named(user) {
        Ok(Some(_)) => return None,
        Ok(None) => (
            format!("no user {user} on this machine"),
            "set `web.proxy.user` to the user of the proxy",
        ),
        Err(error) => (
            format!("cannot look up the user {user}: {error}"),
            "look at the user data base (`getent passwd`)",
        ),
    };
    Some(Check::bad("web proxy", Health::Warn, message, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_door_cannot_know_is_said_where_that_holds() {
        let containment =
            Containment::SubReaper { why: "not here".to_owned(), name: "kanband-x".to_owned() };
        let check = placing_check(&containment).unwrap();
        assert!(check.message.contains("by their user only"), "{check:?}");
        assert_eq!(proxy_check("root"), None);
        assert!(proxy_check("no-such-user-here").unwrap().message.starts_with("no user"));
    }
}
