//! A board of Trello, as its JSON export has it.
//!
//! The name of a card's list says where the task stands when it is a word for that (`To Do`, `Doing`, `Done`); any other list becomes a
//! label. A card that was archived is archived. Checklists go into the body; members are people there and no profiles here.

use std::collections::HashMap;

use serde::Deserialize;

use super::draft::{Draft, Standing, one_line, time};
use super::location::{Located, Text, json_problem};
use crate::kernel::transfer::record::CommentFields;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Board {
    lists: Vec<List>,
    cards: Vec<Card>,
    #[serde(default)]
    checklists: Vec<Checklist>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct List {
    id: String,
    name: String,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    pos: Position,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    id: String,
    name: String,
    #[serde(default)]
    desc: String,
    id_list: String,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    labels: Vec<Label>,
    due: Option<String>,
    #[serde(default)]
    due_complete: bool,
    #[serde(default)]
    pos: Position,
    short_url: Option<String>,
    #[serde(default)]
    id_members: Vec<String>,
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    name: String,
    color: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checklist {
    id_card: String,
    name: String,
    #[serde(default)]
    check_items: Vec<CheckItem>,
}

#[derive(Deserialize)]
struct CheckItem {
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    pos: Position,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    data: ActionData,
    member_creator: Option<Member>,
}

#[derive(Deserialize, Default)]
struct ActionData {
    text: Option<String>,
    card: Option<CardOfAction>,
}

#[derive(Deserialize)]
struct CardOfAction {
    id: String,
}

/// Where something stands among others of its kind: a number, with or without a fraction.
type Position = f64;

/// Reads a board.
///
/// # Errors
/// One line with the place of what is wrong.
pub(super) fn read(file: &Text<'_>) -> Result<Vec<Draft>, String> {
    let mut board: Board = serde_json::from_str(file.text).map_err(|error| {
        let at = Located { line: error.line().max(1), column: error.column().max(1) };
        at.says(&format!("not a board of Trello: {}", json_problem(&error)))
    })?;
    let lists: HashMap<&str, (usize, &List)> = {
        board.lists.sort_by(|left, right| left.pos.total_cmp(&right.pos));
        let numbered = board.lists.iter().enumerate();
        numbered.map(|(number, list)| (list.id.as_str(), (number, list))).collect()
    };
    let order = |card: &Card| lists.get(card.id_list.as_str()).map_or(usize::MAX, |(at, _)| *at);
    board.cards.sort_by(|left, right| {
        order(left).cmp(&order(right)).then_with(|| left.pos.total_cmp(&right.pos))
    });
    let mut drafts = Vec::new();
    for card in &board.cards {
        let list = lists.get(card.id_list.as_str()).map(|(_, list)| *list);
        let mut draft = draft(card, list)?;
        add_people(&mut draft, card, &board.members);
        add_checklists(&mut draft, card, &board.checklists);
        draft.add_to_body(card.short_url.as_deref().unwrap_or_default());
        draft.comments = comments(card, &board.actions);
        drafts.push(draft);
    }
    Ok(drafts)
}

fn draft(card: &Card, list: Option<&List>) -> Result<Draft, String> {
    let mut draft = Draft {
        source_id: Some(card.id.clone()),
        title: one_line(&card.name),
        location: format!("card {}", one_line(&card.name)),
        created_at: created_at(&card.id),
        ..Draft::default()
    };
    draft.add_to_body(&card.desc);
    let named = card.labels.iter().map(|label| {
        let color = label.color.clone().unwrap_or_default();
        if label.name.trim().is_empty() { color } else { label.name.clone() }
    });
    draft.labels = named.filter(|name| !name.is_empty()).collect();
    let list_name = list.map(|list| list.name.as_str()).unwrap_or_default();
    let standing = Standing::of_word(list_name);
    draft.status = match (card.closed || list.is_some_and(|list| list.closed), card.due_complete) {
        (true, _) => Standing::Archived,
        (false, true) => Standing::Done,
        (false, false) => standing.unwrap_or_default(),
    };
    if standing.is_none() {
        draft.labels.push(list_name.to_owned());
    }
    let due = time(card.due.as_deref().unwrap_or_default());
    draft.due_at = due.map_err(|problem| format!("card {}: due: {problem}", draft.title))?;
    Ok(draft)
}

/// The first eight digits of an id are the second in which it was made.
fn created_at(id: &str) -> Option<i64> {
    i64::from_str_radix(id.get(..8)?, 16).ok().filter(|_| id.len() == 24)
}

fn add_people(draft: &mut Draft, card: &Card, members: &[Member]) {
    let of_card = members.iter().filter(|member| card.id_members.contains(&member.id));
    let names: Vec<&str> = of_card.map(Member::name).collect();
    if !names.is_empty() {
        draft.add_to_body(&format!("Members on Trello: {}", names.join(", ")));
    }
}

impl Member {
    fn name(&self) -> &str {
        if self.full_name.is_empty() { &self.username } else { &self.full_name }
    }
}

fn add_checklists(draft: &mut Draft, card: &Card, checklists: &[Checklist]) {
    for checklist in checklists.iter().filter(|checklist| checklist.id_card == card.id) {
        let mut items: Vec<&CheckItem> = checklist.check_items.iter().collect();
        items.sort_by(|left, right| left.pos.total_cmp(&right.pos));
        let lines = items.into_iter().map(|item| {
            let sign = if item.state == "complete" { 'x' } else { ' ' };
            format!("\n- [{sign}] {}", one_line(&item.name))
        });
        let lines: String = lines.collect();
        draft.add_to_body(&format!("{}:{lines}", one_line(&checklist.name)));
    }
}

/// What was said on a card, oldest first.
fn comments(card: &Card, actions: &[Action]) -> Vec<CommentFields> {
    let of_card = actions.iter().filter(|action| {
        let is_here = action.data.card.as_ref().is_some_and(|of| of.id == card.id);
        is_here && matches!(action.kind.as_str(), "commentCard" | "copyCommentCard")
    });
    let mut comments: Vec<CommentFields> = of_card
        .filter_map(|action| {
            Some(CommentFields {
                id: 0,
                author: action.member_creator.as_ref().map_or("Trello", Member::name).to_owned(),
                body: action.data.text.clone()?,
                created_at: time(&action.date).ok().flatten().unwrap_or_default(),
            })
        })
        .collect();
    comments.sort_by_key(|comment| comment.created_at);
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str = r#"{"id":"b","name":"Board","labelNames":{},
      "lists":[{"id":"l2","name":"Ideas for May","pos":9.5},{"id":"l1","name":"Done","pos":10},{"id":"l3","name":"To Do","pos":1}],
      "cards":[
        {"id":"69f3ebc00000000000000001","name":"Paint","idList":"l2","pos":16384,"labels":[{"name":"","color":"red"}],
         "desc":"Blue.","due":"2026-05-01T00:00:00.000Z","shortUrl":"https://trello.com/c/x","idMembers":["m"]},
        {"id":"c2","name":"Buy","idList":"l3","pos":2},{"id":"c3","name":"Sell","idList":"l3","pos":1.5,"dueComplete":true},
        {"id":"c4","name":"Gone","idList":"l1","closed":true}],
      "checklists":[{"idCard":"69f3ebc00000000000000001","name":"Steps","checkItems":[
         {"name":"two","state":"incomplete","pos":2},{"name":"one","state":"complete","pos":1}]}],
      "members":[{"id":"m","fullName":"Ann B","username":"ann"}],
      "actions":[{"type":"commentCard","date":"2026-05-02T00:00:00Z","data":{"text":"Why?","card":{"id":"c2"}},
         "memberCreator":{"id":"m","fullName":"Ann B"}},{"type":"updateCard","data":{"card":{"id":"c2"}}}]}"#;

    #[test]
    fn cards_stand_where_their_lists_say_in_the_order_of_the_board() {
        let drafts = read(&Text::new(BOARD)).unwrap();
        let shown: Vec<(&str, Standing)> =
            drafts.iter().map(|draft| (draft.title.as_str(), draft.status)).collect();
        let expected = [
            ("Sell", Standing::Done),
            ("Buy", Standing::Open),
            ("Paint", Standing::Open),
            ("Gone", Standing::Archived),
        ];
        assert_eq!(shown, expected);
        assert_eq!(drafts[1].comments[0].author, "Ann B");
        let paint = &drafts[2];
        assert_eq!(paint.labels, ["red", "Ideas for May"]);
        assert_eq!((paint.created_at, paint.due_at), (Some(0x69f3_ebc0), Some(1_777_593_600)));
        assert_eq!(
            paint.body.as_deref(),
            Some(
                "Blue.\n\nMembers on Trello: Ann B\n\nSteps:\n- [x] one\n- [ ] two\n\nhttps://trello.com/c/x"
            )
        );
    }

    #[test]
    fn what_is_no_board_is_named_by_line_and_column() {
        for (text, expected) in [
            ("{\n \"name\": 1}", "line 2, column 11: not a board of Trello: missing field `lists`"),
            (
                "{\"lists\":[],\n\"cards\":[{\"id\":1}]}",
                "line 2, column 16: not a board of Trello: invalid type",
            ),
        ] {
            let problem = read(&Text::new(text)).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }
}
