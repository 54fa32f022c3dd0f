//! One run per place: leases are taken in the claim and end with the run; who waits says for whom, and is not forgotten.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::location::{BrokenPath, DirectoryId, Location, Look, Looks};
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::store;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, AssignTask, ClaimTask, CompleteTask, CreateTask, DispatchSwitch, PassMode,
    PassReply, RunOrder, SetDispatch, StartReadyRuns,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn create_in(bench: &mut Bench, workspace: (&str, &str), assignee: &str) -> TaskId {
    let (kind, path) = workspace;
    let fields = json!({
        "title": "t", "assignee": assignee, "workspace_kind": kind, "workspace_path": path,
    });
    bench.do_it(&wire::<CreateTask>(fields)).task.id
}

fn location(anchor: &str, inode: u64) -> Location {
    Location { anchor: anchor.to_owned(), device: 8, inode, missing: Vec::new(), above: Vec::new() }
}

fn unknown() -> Look {
    Look::Unknown { why: "permission denied".to_owned() }
}

/// A pass after these paths were resolved. None: unknown where it leads.
fn pass_seeing(bench: &mut Bench, seen: &[(&str, Option<Location>)]) -> PassReply {
    let look = |location: &Option<Location>| location.clone().map_or_else(unknown, Look::Found);
    let looks = seen.iter().map(|(path, location)| ((*path).to_owned(), look(location)));
    pass_with(bench, looks.collect())
}

fn pass_with(bench: &mut Bench, looks: Looks) -> PassReply {
    let caller = Caller::System { part: "dispatcher" };
    bench
        .by(
            &caller,
            &StartReadyRuns {
                mode: PassMode::Automatic,
                max: None,
                is_disk_low: false,
                looks,
                only: Vec::new(),
            },
        )
        .unwrap()
}

fn unseen(reply: &PassReply) -> Vec<&str> {
    reply.unseen_paths.iter().map(|unseen| unseen.path.as_str()).collect()
}

fn started(reply: &PassReply) -> Vec<TaskId> {
    reply.orders.iter().map(|order| order.task.id.clone()).collect()
}

fn why(bench: &Bench, id: &TaskId) -> Reason {
    bench.why(id, &Policy::default())
}

fn finish(bench: &mut Bench, order: &RunOrder) {
    bench
        .by(&worker(order), &wire::<CompleteTask>(json!({"id": order.task.id, "summary": "s"})))
        .unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
}

#[test]
fn nothing_is_claimed_before_somebody_has_looked_where_its_path_leads() {
    let mut bench = Bench::new();
    let id = create_in(&mut bench, ("dir", "/x"), "dev");
    let reply = bench.pass();
    assert_eq!((started(&reply), unseen(&reply)), (vec![], vec!["/x"]));
    assert_eq!(reply.unseen_paths[0].profiles, ["dev"]);
    assert_eq!(why(&bench, &id), Reason::WorkspaceUnseen { path: "/x".to_owned() });
    assert_eq!(unseen(&bench.pass()), ["/x"], "asked until it is answered");
    let reply = pass_seeing(&mut bench, &[("/x", Some(location("/x", 5)))]);
    assert_eq!(started(&reply), [id]);
    assert_eq!(reply.orders[0].location, Some(location("/x", 5)));
    assert!(reply.unseen_paths.is_empty());
}

#[test]
fn two_names_of_one_directory_are_one_place() {
    for (other, other_seen) in [
        ("/x", location("/x", 5)),
        ("/link", location("/x", 5)),
        ("/bind", location("/bind", 5)),
        ("//x/.", location("/x", 6)),
    ] {
        let mut bench = Bench::new();
        let first = create_in(&mut bench, ("dir", "/x"), "dev");
        bench.now += 1;
        let second = create_in(&mut bench, ("dir", other), "qa");
        let seen = [("/x", Some(location("/x", 5))), (other, Some(other_seen))];
        let reply = pass_seeing(&mut bench, &seen);
        assert_eq!(started(&reply), std::slice::from_ref(&first), "{other}");
        let order = reply.orders[0].clone();
        let expected = Reason::WorkspaceBusy { run_id: order.run_id, task_id: first.to_string() };
        assert_eq!(why(&bench, &second), expected, "{other}");
        bench
            .by(&worker(&order), &wire::<CompleteTask>(json!({"id": first, "summary": "s"})))
            .unwrap();
        assert_eq!(started(&pass_seeing(&mut bench, &seen)), [], "its processes may be there");
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
        assert_eq!(started(&pass_seeing(&mut bench, &seen)), [second], "{other}");
    }
}

#[test]
fn a_place_that_is_still_to_be_made_is_the_same_one_afterwards() {
    let mut bench = Bench::new();
    let first = create_in(&mut bench, ("dir", "/x/new"), "dev");
    let missing = Location { missing: vec!["new".to_owned()], ..location("/x", 5) };
    let reply = pass_seeing(&mut bench, &[("/x/new", Some(missing))]);
    assert_eq!(started(&reply), [first]);
    create_in(&mut bench, ("dir", "/link/new"), "dev");
    let reply = pass_seeing(&mut bench, &[("/link/new", Some(location("/x/new", 77)))]);
    assert_eq!(started(&reply), []);
    // Inode 5 is mounted at /bind as well.
    let id = create_in(&mut bench, ("dir", "/bind/new"), "dev");
    let above = vec![DirectoryId { device: 8, inode: 5 }, DirectoryId { device: 8, inode: 2 }];
    let by_bind = Location { above, ..location("/bind/new", 77) };
    let reply = pass_seeing(&mut bench, &[("/bind/new", Some(by_bind))]);
    assert_eq!(started(&reply), [], "by the name that its maker never used");
    assert!(matches!(why(&bench, &id), Reason::WorkspaceBusy { .. }));
}

#[test]
fn where_nobody_can_tell_which_directory_it_is_nothing_starts_and_the_reason_says_so() {
    let mut bench = Bench::new();
    for (kind, path) in [("dir", "/x"), ("worktree", "/repo")] {
        let id = create_in(&mut bench, (kind, path), "dev");
        let reply = pass_seeing(&mut bench, &[(path, None)]);
        assert_eq!((started(&reply), unseen(&reply)), (vec![], vec![path]), "it is asked again");
        let expected =
            Reason::WorkspaceUnknown { path: path.into(), error: "permission denied".into() };
        assert_eq!(why(&bench, &id), expected);
        assert!(expected.hint("t_1").is_some());
        let other = Look::Unknown { why: "no answer".into() };
        pass_with(&mut bench, [(path.to_owned(), other)].into());
        let expected = Reason::WorkspaceUnknown { path: path.into(), error: "no answer".into() };
        assert_eq!(why(&bench, &id), expected, "the newest answer");
        let plain = bench.create("t", "dev", &[]);
        assert_eq!(started(&bench.pass()), [plain], "what stands behind it has its turn");
        let reply = pass_seeing(&mut bench, &[(path, Some(location(path, 5)))]);
        assert_eq!(started(&reply), [id]);
    }
}

#[test]
fn a_path_that_is_no_directory_is_a_start_that_says_what_is_wrong() {
    let mut bench = Bench::new();
    create_in(&mut bench, ("dir", "/x"), "dev");
    let broken = BrokenPath { problem: "not a directory".into(), errno: Some(20) };
    let looks = [("/x".to_owned(), Look::Broken(broken.clone()))].into();
    let reply = pass_with(&mut bench, looks);
    assert_eq!((&reply.orders[0].location, &reply.orders[0].broken), (&None, &Some(broken)));
}

#[test]
fn the_directory_in_which_the_workers_of_a_profile_start_is_looked_at_for_its_tasks_only() {
    let mut policy = Policy::default();
    policy.working_directory_by_profile.insert("dev".into(), "/checkout".into());
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "dev", &[]);
    let other = bench.create("t", "qa", &[]);
    let reply = pass_seeing(&mut bench, &[]);
    assert_eq!((started(&reply), unseen(&reply)), (vec![other], vec!["/checkout"]));
    assert_eq!(started(&pass_seeing(&mut bench, &[("/checkout", None)])), []);
    assert!(matches!(why(&bench, &id), Reason::WorkspaceUnknown { .. }));
    let here = Some(location("/checkout", 5));
    let second = bench.create("t", "dev", &[]);
    let mut both = started(&pass_seeing(&mut bench, &[("/checkout", here)]));
    both.sort();
    let mut expected = [id, second];
    expected.sort();
    assert_eq!(both, expected, "it is shared, not leased");
}

#[test]
fn the_repository_of_a_worktree_is_looked_at_again_and_not_its_checkout() {
    let policy = Policy { workspaces_dir: "/home/w".to_owned(), ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let id = create_in(&mut bench, ("worktree", "/link"), "dev");
    let seen = [("/link", Some(location("/repo", 5)))];
    let order = pass_seeing(&mut bench, &seen).orders.remove(0);
    let launch = kanband::kernel::verbs::Launch {
        workspace_path: format!("/home/w/{id}"),
        argv: vec!["true".into()],
        containment: None,
        not_enforced: Vec::new(),
        model: None,
        effort: None,
        args: Vec::new(),
        session: None,
        resumed_run_id: None,
        footing: Default::default(),
    };
    let verb = kanband::kernel::verbs::CloseRun {
        run_id: order.run_id,
        verdict_mode: VerdictMode::Exit,
        evidence: kanband::kernel::outcome::Evidence::of(ProcessEnd::Exited(3)),
        launch: Some(launch),
    };
    bench.by(&Caller::System { part: "worker" }, &verb).unwrap();
    assert!(bench.task(&id).workspace_path.unwrap().starts_with("/home/w/"));
    bench.now += 3600;
    assert_eq!(unseen(&bench.pass()), ["/repo"]);
}

#[test]
fn who_waits_for_a_place_holds_up_nobody_else_and_comes_in_the_order_of_the_queue() {
    let mut bench = Bench::new();
    let seen = [("/x", Some(location("/x", 5))), ("/y", Some(location("/y", 6)))];
    let mut waiting = Vec::new();
    for _ in 0..100 {
        bench.now += 1;
        waiting.push(create_in(&mut bench, ("dir", "/x"), "dev"));
    }
    bench.now += 1;
    let behind = create_in(&mut bench, ("dir", "/y"), "dev");
    bench.now += 1;
    let plain = bench.create("t", "dev", &[]);
    let mut reply = pass_seeing(&mut bench, &seen);
    assert_eq!(started(&reply), [waiting[0].clone(), behind, plain]);
    for next in &waiting[1..] {
        let order = reply.orders[0].clone();
        finish(&mut bench, &order);
        reply = pass_seeing(&mut bench, &seen);
        assert_eq!(started(&reply), std::slice::from_ref(next));
    }
}

#[test]
fn a_pass_looks_past_no_more_waiting_tasks_than_its_bound_and_says_that_there_are_more() {
    let mut bench = Bench::new();
    let seen = [("/x", Some(location("/x", 5)))];
    for _ in 0..600 {
        create_in(&mut bench, ("dir", "/x"), "dev");
    }
    bench.now += 1;
    let behind = bench.create("t", "dev", &[]);
    let mut found = Vec::new();
    let mut passes = 0;
    loop {
        let reply = pass_seeing(&mut bench, &seen);
        found.extend(started(&reply));
        passes += 1;
        if !reply.has_more {
            break;
        }
    }
    assert_eq!((found.len(), found.last()), (2, Some(&behind)));
    assert!((2..=4).contains(&passes), "{passes} passes");
    let reply = pass_seeing(&mut bench, &seen);
    assert!(!reply.has_more, "those who wait are not looked at again");
}

#[test]
fn whoever_stood_first_may_go_away_without_leaving_the_others_behind() {
    let mut bench = Bench::new();
    let seen = [("/x", Some(location("/x", 5)))];
    let ids: Vec<_> = (0..4)
        .map(|_| {
            bench.now += 1;
            create_in(&mut bench, ("dir", "/x"), "dev")
        })
        .collect();
    let reply = pass_seeing(&mut bench, &seen);
    assert_eq!(started(&reply), std::slice::from_ref(&ids[0]));
    finish(&mut bench, &reply.orders[0]);
    // The next one is called and may not start; then it goes.
    bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
    assert_eq!(started(&pass_seeing(&mut bench, &seen)), []);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": ids[1]})));
    bench.do_it(&wire::<AssignTask>(json!({"id": ids[2], "assignee": "qa"})));
    bench.do_it(&SetDispatch { to: DispatchSwitch::On });
    let mut done = Vec::new();
    for _ in 0..2 {
        let reply = pass_seeing(&mut bench, &seen);
        done.extend(started(&reply));
        finish(&mut bench, &reply.orders[0]);
    }
    done.sort();
    let mut expected = [ids[2].clone(), ids[3].clone()];
    expected.sort();
    assert_eq!(done, expected);
}

#[test]
fn a_person_is_told_who_works_there_and_a_claim_by_hand_keeps_workers_out() {
    let mut bench = Bench::new();
    let first = create_in(&mut bench, ("dir", "/x"), "");
    let second = create_in(&mut bench, ("dir", "/x"), "dev");
    let claim = |id: &TaskId| {
        let mut claim = wire::<ClaimTask>(json!({"id": id}));
        claim.workspace = "/x".to_owned();
        claim.location = Some(location("/x", 5));
        claim
    };
    let blind = ClaimTask { location: None, ..claim(&first) };
    assert!(matches!(bench.refused(&blind), Refusal::WorkspaceUnknown { .. }));
    let run_id = bench.do_it(&claim(&first)).run_id;
    let refused = bench.refused(&claim(&second));
    let expected = Refusal::WorkspaceBusy {
        id: second.to_string(),
        workspace: "/x".to_owned(),
        owner: first.to_string(),
        run_id,
    };
    assert_eq!(refused, expected);
    let seen = [("/x", Some(location("/x", 5)))];
    assert_eq!(started(&pass_seeing(&mut bench, &seen)), []);
    assert_eq!(why(&bench, &second), Reason::WorkspaceBusy { run_id, task_id: first.to_string() });
    bench.do_it(&wire::<CompleteTask>(json!({"id": first, "summary": "s"})));
    assert_eq!(started(&pass_seeing(&mut bench, &seen)), [second]);
}

#[test]
fn a_worktree_holds_its_branch_and_its_checkout_but_not_its_repository() {
    let policy = Policy { workspaces_dir: "/home/w".to_owned(), ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let ids: Vec<_> = (0..2).map(|_| create_in(&mut bench, ("worktree", "/repo"), "dev")).collect();
    let seen = [("/repo", Some(location("/repo", 5)))];
    let reply = pass_seeing(&mut bench, &seen);
    assert_eq!(reply.orders.len(), 2, "two worktrees of one repository do not meet");
    let checkout = format!("/home/w/{}", ids[0]);
    let intruder = create_in(&mut bench, ("dir", "/way/in"), "qa");
    let seen = [("/way/in", Some(location(&checkout, 9)))];
    assert_eq!(started(&pass_seeing(&mut bench, &seen)), []);
    assert_eq!(bench.status(&intruder), TaskStatus::Ready);
    let holder = |key: String| {
        bench.board.read::<_, VerbError>(|c| Ok(store::leases::owner(c, &key)?)).unwrap()
    };
    for order in &reply.orders {
        let key = format!("branch:8:5:kanban/{}", order.task.id);
        assert_eq!(holder(key).map(|holder| holder.run_id), Some(order.run_id));
    }
}

#[test]
fn a_lease_cannot_be_written_twice() {
    let mut bench = Bench::new();
    create_in(&mut bench, ("dir", "/x"), "dev");
    let reply = pass_seeing(&mut bench, &[("/x", Some(location("/x", 5)))]);
    let run_id = reply.orders[0].run_id;
    for key in ["path:/x", "inode:8:5"] {
        let taken = bench.board.read(|connection| store::leases::take(connection, key, run_id));
        assert!(taken.is_err(), "{key}");
    }
}
