//! What people do in chats: who is heard, what is an answer, what a button does, that each thing acts once.

use kanband::kernel::caller::{Caller, ChatCaller};
use kanband::kernel::chat::{Chat, For, Inbound, InboundReply, Run, Sender, What};
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::notice::{Button, Class, Row};
use kanband::kernel::queries::{ListChatPeople, ListSubscriptions};
use kanband::kernel::rules::notify::Level;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    AllowChatUser, AnswerTask, ArchiveTask, AskBack, BlockTask, CommentTask, CompleteTask,
    CreateTask, DenyChatUser, EditTask, PromoteTask, RequestChanges, RequestReview,
    SupersedeOutbox, TakeInbound, UnblockTask,
};

use crate::bench_board::Bench;
use crate::outbox::{lease, policy, sent, subscribe};

const CHAT: Caller = Caller::System { part: "chat" };
const GROUP: &str = "-100";
const ADA: &str = "4711";
const BO: &str = "4712";

/// A board with people of a chat: Ada, who may also review, and Bo, a member.
fn bench() -> Bench {
    let mut policy = policy();
    let mut lead = policy.chat.roles["lead"].clone();
    lead.groups.insert(kanband::kernel::rules::chat_groups::ChatGroup::Review);
    policy.chat.roles.insert("lead".into(), lead);
    let mut bench = Bench::with_policy(policy);
    for (user_id, person, role) in [(ADA, "ada", "lead"), (BO, "bo", "member")] {
        allow(&mut bench, user_id, person, role);
    }
    bench
}

fn allow(bench: &mut Bench, user_id: &str, person: &str, role: &str) {
    bench.do_it(&AllowChatUser {
        channel: "chat".into(),
        user_id: user_id.into(),
        person: person.into(),
        role: role.into(),
    });
}

fn inbound(event_id: &str, user: &str, what: What) -> Inbound {
    Inbound {
        channel: "chat".into(),
        event_id: event_id.into(),
        from: Sender { id: user.into(), is_bot: false },
        chat: Chat { address: GROUP.into(), thread: None, is_direct: false },
        message_id: Some(format!("in{event_id}")),
        what,
        cursor: None,
    }
}

fn take(bench: &mut Bench, inbound: Inbound) -> InboundReply {
    bench.by(&CHAT, &TakeInbound { inbound }).unwrap()
}

fn write(
    bench: &mut Bench,
    event_id: &str,
    user: &str,
    text: &str,
    reply_to: Option<&str>,
) -> InboundReply {
    let reply_to = reply_to.map(str::to_owned);
    let is_addressed = reply_to.is_none();
    take(bench, inbound(event_id, user, What::Text { text: text.into(), reply_to, is_addressed }))
}

fn press(bench: &mut Bench, event_id: &str, user: &str, button: &Button) -> InboundReply {
    let what = What::Press { token: button.token.clone(), message_id: Some("m1".into()) };
    take(bench, inbound(event_id, user, what))
}

fn said(reply: &InboundReply) -> &str {
    reply.say.as_ref().map_or("", |say| &say.text)
}

fn toast(reply: &InboundReply) -> &str {
    reply.toast.as_deref().unwrap_or_default()
}

/// A task of the group that is blocked with a question, and the message that asks it.
fn asked(bench: &mut Bench, choices: &[&str]) -> (TaskId, Row) {
    let id = bench.create("paint it", "dev", &[]);
    subscribe(bench, &id, "chat", GROUP, Level::Quiet);
    bench.do_it(&BlockTask {
        id: id.to_string(),
        reason: Some("a colour".into()),
        question: Some("Which colour?".into()),
        choices: choices.iter().map(ToString::to_string).collect(),
        ..BlockTask::default()
    });
    let row = lease(bench).rows.remove(0);
    sent(bench, &row);
    (id, row)
}

fn provider_id(row: &Row) -> String {
    format!("m{}", row.id)
}

fn labels(row: &Row) -> Vec<&str> {
    row.notice.buttons.iter().map(|button| button.label.as_str()).collect()
}

fn comments(bench: &Bench, id: &TaskId) -> Vec<(String, String)> {
    let found = bench.board.read::<_, kanband::kernel::error::VerbError>(|c| {
        Ok(kanband::kernel::store::comments::list(c, id)?)
    });
    found.unwrap().into_iter().map(|comment| (comment.author, comment.body)).collect()
}

fn actor_of(bench: &Bench, id: &TaskId, kind: &str) -> Option<String> {
    bench.events(id).into_iter().rfind(|event| event.kind == kind)?.actor
}

fn caller(user: &str, role: &str, event_id: &str) -> Caller {
    let ask: For = format!("chat {event_id} {user} {GROUP}").parse().unwrap();
    let may = policy().chat.roles[role].clone();
    let person = if user == ADA { "ada" } else { "bo" };
    Caller::Chat(Box::new(ChatCaller::new(person, ask, (role, may))))
}

#[test]
fn a_reply_to_a_question_is_its_answer_and_acts_once() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &[]);
    let to = provider_id(&row);
    let reply = write(&mut bench, "1", BO, "blue", Some(&to));
    assert!(said(&reply).starts_with("Answered: blue"), "{reply:?}");
    assert_eq!(reply.say.as_ref().unwrap().reply_to.as_deref(), Some("in1"));
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    assert_eq!(actor_of(&bench, &id, "answered").as_deref(), Some("bo (chat)"));
    let before = bench.dump();
    let again = write(&mut bench, "1", BO, "blue", Some(&to));
    assert_eq!(again, InboundReply { is_repeat: true, ..reply });
    assert_eq!(bench.dump(), before, "a repeat acts again");
}

#[test]
fn an_answer_that_comes_too_late_hears_who_and_when_and_may_be_kept() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &[]);
    let question = row.notice.question.clone().unwrap().id;
    bench.do_it(&AnswerTask { id: id.to_string(), answer: "red".into(), ..AnswerTask::default() });
    bench.now += 180;
    let reply = write(&mut bench, "1", BO, "blue, please", Some(&provider_id(&row)));
    let expected = format!("It is over: answered by {}: red (3 min ago).", "ada");
    assert_eq!(said(&reply), expected, "{question}");
    let keep = reply.say.unwrap().buttons.remove(0);
    assert_eq!(toast(&press(&mut bench, "2", ADA, &keep)), "This button is for bo.");
    assert_eq!(comments(&bench, &id), []);
    assert_eq!(toast(&press(&mut bench, "3", BO, &keep)), "Kept as a comment.");
    let kept = [("bo (chat)".to_owned(), "blue, please".to_owned())];
    assert_eq!(comments(&bench, &id), kept);
    let used = press(&mut bench, "4", BO, &keep);
    assert_eq!(toast(&used), "Already used by bo (chat), just now.");
    assert_eq!(comments(&bench, &id), kept);
}

#[test]
fn a_choice_is_pressed_and_every_message_that_asked_is_changed() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &["red", "blue"]);
    assert_eq!(labels(&row), ["red", "blue"]);
    let reply = press(&mut bench, "1", BO, &row.notice.buttons[1]);
    assert!(toast(&reply).starts_with("Answered: blue"), "{reply:?}");
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    let edits = lease(&mut bench).edits;
    let edit = edits.iter().find(|edit| edit.provider_id == Some(provider_id(&row))).unwrap();
    assert_eq!(edit.live.state, "answered by bo (chat): blue");
    let late = press(&mut bench, "2", ADA, &row.notice.buttons[0]);
    assert!(toast(&late).starts_with("It is over: answered by bo (chat): blue"), "{late:?}");
    assert_eq!(comments(&bench, &id), []);
}

#[test]
fn an_answer_that_is_typed_is_asked_for_by_a_button() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &[]);
    assert_eq!(labels(&row), ["Answer"]);
    let reply = press(&mut bench, "1", BO, &row.notice.buttons[0]);
    assert_eq!(said(&reply), "bo: reply to this message with the answer.");
    // The prompt is a message that only the courier knows.
    let theirs = write(&mut bench, "2", ADA, "green", Some("prompt"));
    assert_eq!(theirs, InboundReply::default(), "another person was asked");
    let reply = write(&mut bench, "3", BO, "green", Some("prompt"));
    assert!(said(&reply).starts_with("Answered: green"), "{reply:?}");
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    assert_eq!(write(&mut bench, "4", BO, "more", Some("prompt")), InboundReply::default());
}

#[test]
fn words_for_a_block_without_a_question_are_kept_and_let_it_go_on() {
    let mut bench = bench();
    let id = bench.create("deploy", "dev", &[]);
    subscribe(&mut bench, &id, "chat", GROUP, Level::Normal);
    let reason = Some("no key".to_owned());
    bench.do_it(&BlockTask { id: id.to_string(), reason, ..BlockTask::default() });
    let row = lease(&mut bench).rows.remove(0);
    assert_eq!(labels(&row), ["Unblock", "Why"]);
    sent(&mut bench, &row);
    let why = press(&mut bench, "1", BO, &row.notice.buttons[1]);
    assert_eq!(
        why.run,
        Some(Run { line: format!("why {id}"), confirm: None, person: Some("bo".into()) })
    );
    let reply = write(&mut bench, "2", BO, "it is in the safe", Some(&provider_id(&row)));
    assert_eq!(said(&reply), format!("Kept as a comment. {id} is ready."));
    assert_eq!(comments(&bench, &id), [("bo (chat)".to_owned(), "it is in the safe".to_owned())]);
    assert_eq!(actor_of(&bench, &id, "unblocked").as_deref(), Some("bo (chat)"));
    let late = write(&mut bench, "3", BO, "or below the mat", Some(&provider_id(&row)));
    assert_eq!(said(&late), "It is over: unblocked by bo (chat).");
}

#[test]
fn a_reply_to_other_messages_is_a_comment_and_needs_no_words() {
    let mut bench = bench();
    let id = bench.create("build", "dev", &[]);
    subscribe(&mut bench, &id, "chat", GROUP, Level::Quiet);
    let summary = Some("built".to_owned());
    bench.do_it(&CompleteTask { id: id.to_string(), summary, ..CompleteTask::default() });
    let row = lease(&mut bench).rows.remove(0);
    assert_eq!((row.notice.class, labels(&row)), (Class::News, vec![]));
    sent(&mut bench, &row);
    let reply = write(&mut bench, "1", BO, "well done", Some(&provider_id(&row)));
    assert_eq!(reply, InboundReply { is_noted: true, ..InboundReply::default() });
    assert_eq!(comments(&bench, &id), [("bo (chat)".to_owned(), "well done".to_owned())]);
    assert_eq!(write(&mut bench, "2", BO, "hello", Some("unknown")), InboundReply::default());
}

/// A task in review by a person, and the message that asks for it.
fn reviewed(bench: &mut Bench) -> (TaskId, Row) {
    let create = CreateTask {
        title: "review it".into(),
        assignee: Some("dev".into()),
        review: Some("human".into()),
        ..CreateTask::default()
    };
    let id = bench.do_it(&create).task.id;
    subscribe(bench, &id, "chat", GROUP, Level::Quiet);
    let summary = Some("done".to_owned());
    bench.do_it(&CompleteTask { id: id.to_string(), summary, ..CompleteTask::default() });
    bench.do_it(&kanband::kernel::verbs::RequestReview {
        id: id.to_string(),
        ..kanband::kernel::verbs::RequestReview::default()
    });
    let rows = lease(bench).rows;
    sent(bench, &rows[0]);
    if rows[0].notice.class == Class::Ask {
        return (id, rows[0].clone());
    }
    let row = lease(bench).rows.remove(0);
    sent(bench, &row);
    (id, row)
}

#[test]
fn a_review_is_given_by_who_has_the_right_and_changes_are_asked_for() {
    let mut bench = bench();
    let (id, row) = reviewed(&mut bench);
    assert_eq!(labels(&row), ["Approve", "Request changes"]);
    let refused = press(&mut bench, "1", BO, &row.notice.buttons[0]);
    assert!(toast(&refused).contains("bo (chat) of role member may not"), "{refused:?}");
    let refused = press(&mut bench, "2", BO, &row.notice.buttons[1]);
    assert!(toast(&refused).contains("may not"), "{refused:?}");
    assert_eq!(bench.status(&id), TaskStatus::Review);
    let prompt = press(&mut bench, "3", ADA, &row.notice.buttons[1]);
    assert_eq!(said(&prompt), "ada: reply to this message with what has to change.");
    let done = write(&mut bench, "4", ADA, "the colour", Some("prompt"));
    assert!(said(&done).starts_with("Changes requested."), "{done:?}");
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    let complete = CompleteTask { id: id.to_string(), ..CompleteTask::default() };
    let refusal = bench.refused_by(&caller(BO, "member", "9"), &complete);
    assert!(refusal.to_string().contains("to be reviewed"), "{refusal}");
}

#[test]
fn who_is_not_known_gets_nothing_in_a_group_and_their_id_once_an_hour_alone() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &["red", "blue"]);
    let before = bench.dump();
    let to = provider_id(&row);
    assert_eq!(write(&mut bench, "1", "666", "blue", Some(&to)), InboundReply::default());
    let pressed = press(&mut bench, "2", "666", &row.notice.buttons[0]);
    assert_eq!(pressed, InboundReply::default());
    let mut bot = inbound(
        "3",
        BO,
        What::Text { text: "/kanban list".into(), reply_to: None, is_addressed: true },
    );
    bot.from.is_bot = true;
    assert_eq!(take(&mut bench, bot), InboundReply::default());
    assert_eq!(bench.dump(), before, "nothing is kept of it");
    let direct = |event_id: &str| {
        let text = What::Text { text: "/start".into(), reply_to: None, is_addressed: true };
        let mut direct = inbound(event_id, "666", text);
        direct.chat.is_direct = true;
        direct
    };
    let reply = take(&mut bench, direct("4"));
    assert!(said(&reply).contains("Your id here is 666."), "{reply:?}");
    assert_eq!(take(&mut bench, direct("5")), InboundReply::default());
    bench.now += 3_601;
    assert!(said(&take(&mut bench, direct("6"))).contains("666"));
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
}

#[test]
fn who_is_denied_is_nobody_and_what_waited_for_them_is_gone() {
    let mut bench = bench();
    assert_eq!(bench.ask(&ListChatPeople {}).unwrap().len(), 2);
    let (id, row) = asked(&mut bench, &[]);
    bench.do_it(&AnswerTask { id: id.to_string(), answer: "red".into(), ..AnswerTask::default() });
    let late = write(&mut bench, "1", BO, "blue", Some(&provider_id(&row)));
    let keep = late.say.unwrap().buttons.remove(0);
    let deny = DenyChatUser { channel: "chat".into(), user_id: BO.into() };
    assert!(bench.do_it(&deny).denied);
    assert!(!bench.do_it(&deny).denied);
    let after = write(&mut bench, "2", BO, "/kanban list", None);
    assert_eq!(after, InboundReply::default());
    allow(&mut bench, BO, "bo", "member");
    let pressed = press(&mut bench, "3", BO, &keep);
    assert_eq!(toast(&pressed), "This button is not valid any longer.");
    let unknown = AllowChatUser { role: "king".into(), ..allowing() };
    assert!(matches!(bench.refused(&unknown), Refusal::InvalidValue { field: "role", .. }));
    let spoof = AllowChatUser { person: "ada (other)".into(), ..allowing() };
    assert!(matches!(bench.refused(&spoof), Refusal::InvalidValue { field: "person", .. }));
}

fn allowing() -> AllowChatUser {
    AllowChatUser {
        channel: "chat".into(),
        user_id: "1".into(),
        person: "eve".into(),
        role: "member".into(),
    }
}

#[test]
fn a_person_is_heard_twenty_times_a_minute() {
    let mut bench = bench();
    for number in 0..20 {
        let reply = write(&mut bench, &number.to_string(), BO, "/kanban list", None);
        assert!(reply.run.is_some(), "{number}: {reply:?}");
    }
    let slowed = write(&mut bench, "20", BO, "/kanban list", None);
    assert!(said(&slowed).starts_with("Slower"), "{slowed:?}");
    assert_eq!(write(&mut bench, "21", BO, "/kanban list", None), InboundReply::default());
    assert!(write(&mut bench, "22", ADA, "/kanban list", None).run.is_some());
    bench.now += 61;
    assert!(write(&mut bench, "23", BO, "/kanban list", None).run.is_some());
}

#[test]
fn what_is_asked_back_is_confirmed_by_the_same_person_once_and_in_time() {
    let mut bench = bench();
    let id = bench.create("stop me", "dev", &[]);
    let ask = |bench: &mut Bench, event_id: &str| {
        let line = write(bench, event_id, ADA, &format!("/kanban archive {id}"), None);
        assert_eq!(line.run.unwrap().line, format!("archive {id}"));
        let verb = AskBack {
            operation: "archive",
            digest: "d".into(),
            tasks: vec![id.to_string()],
            about: String::new(),
        };
        bench.by(&caller(ADA, "lead", event_id), &verb).unwrap()
    };
    let asked = ask(&mut bench, "1");
    assert_eq!(asked.question, format!("Archive {id} “stop me” (ready)?"));
    let button =
        Button { label: String::new(), style: String::new(), token: asked.confirm.token.clone() };
    assert_eq!(toast(&press(&mut bench, "2", BO, &button)), "This button is for ada.");
    let typed = format!("yes {}", asked.confirm.word.to_lowercase());
    let theirs = write(&mut bench, "3", BO, &typed, None);
    assert!(said(&theirs).contains("is for the person who was asked"), "{theirs:?}");
    let done = write(&mut bench, "4", ADA, &typed, None);
    let line = Run {
        line: format!("archive {id}"),
        confirm: Some(asked.confirm.token),
        person: Some("ada".into()),
    };
    assert_eq!(done.run, Some(line));
    assert!(toast(&press(&mut bench, "5", ADA, &button)).starts_with("Already used by ada"));
    assert!(said(&write(&mut bench, "6", ADA, &typed, None)).starts_with("Nothing waits for"));
    let asked = ask(&mut bench, "7");
    bench.now += 120;
    let button = Button { token: asked.confirm.token, ..button };
    assert_eq!(toast(&press(&mut bench, "8", ADA, &button)), "This button has expired.");
    // Of what nobody wrote nothing is asked back.
    let verb = AskBack {
        operation: "archive",
        digest: "d".into(),
        tasks: vec![id.to_string()],
        about: String::new(),
    };
    for by in [caller(ADA, "lead", "99"), caller(BO, "lead", "7"), caller(BO, "member", "7")] {
        assert!(matches!(bench.refused_by(&by, &verb), Refusal::Forbidden { .. }));
    }
}

#[test]
fn a_chat_that_creates_a_task_hears_of_it_but_not_of_its_own_news() {
    let mut bench = bench();
    let create = CreateTask { title: "from a chat".into(), ..CreateTask::default() };
    let task = bench.by(&caller(BO, "member", "1"), &create).unwrap().task;
    assert_eq!(task.created_by.as_deref(), Some("bo (chat)"));
    let query = ListSubscriptions { task: Some(task.id.to_string()), board: None };
    let subscription = bench.ask(&query).unwrap().remove(0);
    assert_eq!((subscription.platform.as_str(), subscription.chat_id.as_str()), ("chat", GROUP));
    assert_eq!(subscription.person.as_deref(), Some("bo"));
    let leased = lease(&mut bench);
    assert_eq!((leased.rows.len(), leased.edits.len()), (0, 1), "the live message: {leased:?}");
    subscribe(&mut bench, &task.id, "hook", "https://example.org", Level::Normal);
    let summary = Some("by hand".to_owned());
    let complete = CompleteTask { id: task.id.to_string(), summary, ..CompleteTask::default() };
    bench.by(&caller(BO, "member", "2"), &complete).unwrap();
    let channels: Vec<String> = lease(&mut bench).rows.into_iter().map(|row| row.channel).collect();
    assert_eq!(channels, ["hook"], "who did it knows");
}

#[test]
fn a_person_of_a_chat_takes_no_other_name_and_gives_no_arguments() {
    let mut bench = bench();
    let id = bench.create("x", "dev", &[]).to_string();
    let by = caller(ADA, "lead", "1");
    let comment =
        CommentTask { id: id.clone(), body: "b".into(), author: Some("root".into()), board: None };
    assert!(bench.refused_by(&by, &comment).to_string().contains("another author"));
    let create =
        CreateTask { title: "t".into(), created_by: Some("root".into()), ..CreateTask::default() };
    assert!(bench.refused_by(&by, &create).to_string().contains("another creator"));
    let args = vec!["--yolo".to_owned()];
    let create = CreateTask { title: "t".into(), args: args.clone(), ..CreateTask::default() };
    assert!(bench.refused_by(&by, &create).to_string().contains("extra arguments"));
    let edit = EditTask { id: id.clone(), args: Some(args), ..EditTask::default() };
    assert!(bench.refused_by(&by, &edit).to_string().contains("extra arguments"));
    let edit = EditTask { id, review: Some("none".into()), ..EditTask::default() };
    assert!(bench.refused_by(&by, &edit).to_string().contains("who reviews"));
}

#[test]
fn a_role_for_some_assignees_names_no_other_reviewer_either() {
    let mut bench = bench();
    let mut by = caller(ADA, "lead", "1");
    if let Caller::Chat(person) = &mut by {
        person.may.assignees = ["dev".to_owned()].into();
        person.may.groups.insert(kanband::kernel::rules::chat_groups::ChatGroup::Review);
    }
    let id = bench.create("x", "dev", &[]).to_string();
    let create = |review: &str| CreateTask {
        title: "t".into(),
        assignee: Some("dev".into()),
        review: Some(review.into()),
        ..CreateTask::default()
    };
    let words = "to whom your role may give tasks";
    assert!(bench.refused_by(&by, &create("deployer")).to_string().contains(words));
    bench.by(&by, &create("human")).unwrap();
    let edit = EditTask { id, review: Some("deployer".into()), ..EditTask::default() };
    assert!(bench.refused_by(&by, &edit).to_string().contains(words));
}

#[test]
fn without_the_right_to_review_nobody_gets_past_a_review_by_another_way() {
    let mut bench = bench();
    let (id, _) = reviewed(&mut bench);
    let child = bench.create("after it", "dev", &[&id]);
    let (member, lead) = (caller(BO, "member", "1"), caller(ADA, "lead", "2"));
    let force = PromoteTask { id: child.to_string(), force: true, ..PromoteTask::default() };
    assert!(bench.refused_by(&member, &force).to_string().contains("unfinished parents"));
    let archive =
        ArchiveTask { id: id.to_string(), release_children: true, ..ArchiveTask::default() };
    assert!(bench.refused_by(&lead, &archive).to_string().contains("wait for a review"));
    assert_eq!((bench.status(&id), bench.status(&child)), (TaskStatus::Review, TaskStatus::Todo));
}

#[test]
fn a_button_is_over_with_the_block_for_which_it_was_shown() {
    let mut bench = bench();
    let id = bench.create("deploy", "dev", &[]);
    subscribe(&mut bench, &id, "chat", GROUP, Level::Normal);
    let block = |bench: &mut Bench, reason: &str| {
        let reason = Some(reason.to_owned());
        bench.do_it(&BlockTask { id: id.to_string(), reason, ..BlockTask::default() });
        let row = lease(bench).rows.remove(0);
        sent(bench, &row);
        row
    };
    let first = block(&mut bench, "no key");
    bench.do_it(&UnblockTask { id: id.to_string(), more_starts: false, board: None });
    let second = block(&mut bench, "no money");
    let pressed = press(&mut bench, "1", BO, &first.notice.buttons[0]);
    assert_eq!(toast(&pressed), "This button has expired.");
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    let pressed = press(&mut bench, "2", BO, &second.notice.buttons[0]);
    assert_eq!(toast(&pressed), "Goes on.");
    assert_eq!(bench.status(&id), TaskStatus::Ready);
}

#[test]
fn an_approval_of_an_earlier_round_accepts_nothing() {
    let mut bench = bench();
    let (id, row) = reviewed(&mut bench);
    let what = "the colour".to_owned();
    bench.do_it(&RequestChanges { id: id.to_string(), what, board: None });
    let summary = Some("again".to_owned());
    bench.do_it(&CompleteTask { id: id.to_string(), summary, ..CompleteTask::default() });
    bench.do_it(&RequestReview { id: id.to_string(), ..RequestReview::default() });
    assert_eq!(bench.status(&id), TaskStatus::Review);
    let pressed = press(&mut bench, "1", ADA, &row.notice.buttons[0]);
    assert_eq!(toast(&pressed), "This button has expired.");
    assert_eq!(bench.status(&id), TaskStatus::Review);
}

#[test]
fn a_thing_that_another_person_did_under_the_same_id_gets_none_of_its_answers() {
    let mut bench = bench();
    let id = bench.create("x", "dev", &[]);
    let line = write(&mut bench, "7", ADA, &format!("/kanban archive {id}"), None);
    assert!(line.run.is_some(), "{line:?}");
    let what = What::Text { text: "hello".into(), reply_to: None, is_addressed: true };
    let other = TakeInbound { inbound: inbound("7", BO, what) };
    let refusal = bench.refused_by(&CHAT, &other).to_string();
    assert!(refusal.contains("belongs to another thing"), "{refusal}");
}

#[test]
fn buttons_of_another_life_of_the_board_do_nothing() {
    let mut bench = bench();
    let (id, row) = asked(&mut bench, &["red", "blue"]);
    bench
        .by(&Caller::System { part: "restore" }, &SupersedeOutbox { life: "another".into() })
        .unwrap();
    let pressed = press(&mut bench, "1", BO, &row.notice.buttons[0]);
    assert_eq!(toast(&pressed), "This button is not valid any longer.");
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
}

#[test]
fn what_was_done_is_forgotten_after_a_week_and_how_far_a_channel_was_read_is_kept() {
    use kanband::kernel::chat::{Cursor, CursorRequest};
    let mut bench = bench();
    let command = |event_id: &str, cursor: Option<&str>| {
        let text = What::Text { text: "/kanban".into(), reply_to: None, is_addressed: true };
        Inbound { cursor: cursor.map(str::to_owned), ..inbound(event_id, BO, text) }
    };
    let first = take(&mut bench, command("1", Some("s7")));
    assert!(first.run.is_some());
    bench.now += 86_400;
    assert_eq!(take(&mut bench, command("1", None)).run, first.run, "its writes are known");
    // Later they are not, so it would act again.
    bench.now += 1;
    assert_eq!(take(&mut bench, command("1", None)).run, None);
    bench.now += 5 * 86_400 - 1;
    assert!(take(&mut bench, command("1", None)).is_repeat);
    bench.now += 2 * 86_400;
    take(&mut bench, command("2", None));
    assert!(!take(&mut bench, command("1", None)).is_repeat);
    let cursor = bench.ask(&CursorRequest { channel: "chat".into() }).unwrap();
    assert_eq!(cursor, Cursor { cursor: Some("s7".into()) });
}
