//! Mattermost: one incoming hook, and the posts of a bot.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fakes::http::{Answer, Heard, Provider};

/// A post that the provider shows.
#[derive(Debug, Clone)]
pub struct Post {
    pub id: String,
    pub channel: String,
    /// As it is shown now.
    pub fields: Value,
    /// How often it was changed.
    pub edits: usize,
}

/// The server.
#[derive(Debug, Default)]
pub struct Mattermost {
    /// The key of the hook.
    pub key: String,
    /// The token of the bot.
    pub token: String,
    /// What was posted by the hook.
    pub posts: Vec<Value>,
    /// What was posted by the bot.
    pub bot_posts: Vec<Post>,
    /// Posts that were deleted.
    pub deleted: Vec<String>,
    /// Channels that the bot is not in.
    pub foreign: Vec<String>,
    /// Posts by the name that the client gave them.
    known: BTreeMap<String, usize>,
}

impl Mattermost {
    pub fn new(key: &str, token: &str) -> Self {
        Self { key: key.to_owned(), token: token.to_owned(), ..Self::default() }
    }

    /// The posts of a channel.
    pub fn of_channel(&self, channel: &str) -> Vec<&Post> {
        self.bot_posts.iter().filter(|post| post.channel == channel).collect()
    }

    fn hook(&mut self, heard: &Heard) -> Answer {
        if heard.path != format!("/hooks/{}", self.key) {
            return refusal(400, "web.incoming_webhook.invalid.app_error", "Invalid webhook.");
        }
        let fields = heard.json();
        let text = fields["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return refusal(400, "web.incoming_webhook.text.app_error", "No text specified.");
        }
        if text.chars().count() > 16_383 {
            return refusal(400, "web.incoming_webhook.text.length.app_error", "Text too long.");
        }
        self.posts.push(fields);
        Answer::text(200, "ok")
    }

    fn bot(&mut self, heard: &Heard, path: &str) -> Answer {
        if heard.headers.get("authorization") != Some(&format!("Bearer {}", self.token)) {
            let id = "api.context.session_expired.app_error";
            return refusal(401, id, "Invalid or expired session, please login again.");
        }
        let parts: Vec<&str> = path.split('/').collect();
        match (heard.method.as_str(), &parts[..]) {
            ("GET", ["users", "me"]) => {
                Answer::json(200, &json!({ "id": "b".repeat(26), "username": "kanban" }))
            }
            ("POST", ["posts"]) => self.post(&heard.json()),
            ("PUT", ["posts", id, "patch"]) => self.patch(id, &heard.json()),
            _ => refusal(404, "api.context.404.app_error", "Sorry, we could not find the page."),
        }
    }

    fn post(&mut self, fields: &Value) -> Answer {
        let word = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let channel = word("channel_id");
        if channel.len() != 26 {
            let id = "api.context.invalid_body_param.app_error";
            return refusal(400, id, "Invalid or missing channel_id in request body.");
        }
        if self.foreign.contains(&channel) {
            let id = "api.context.permissions.app_error";
            return refusal(403, id, "You do not have the appropriate permissions.");
        }
        if let Some(refused) = refused_text(fields) {
            return refused;
        }
        let root = word("root_id");
        let is_there = |post: &Post| post.id == root && !self.deleted.contains(&root);
        if !root.is_empty() && !self.bot_posts.iter().any(is_there) {
            let id = "api.post.create_post.root_id.app_error";
            return refusal(400, id, "Invalid RootId parameter.");
        }
        let name = word("pending_post_id");
        if let Some(known) = self.known.get(&name).filter(|_| !name.is_empty()) {
            return shown(201, &self.bot_posts[*known]);
        }
        let id = format!("{:x>26}", self.bot_posts.len() + 1);
        let (fields, edits) = (fields.clone(), 0);
        self.bot_posts.push(Post { id, channel, fields, edits });
        self.known.insert(name, self.bot_posts.len() - 1);
        shown(201, &self.bot_posts[self.bot_posts.len() - 1])
    }

    fn patch(&mut self, id: &str, fields: &Value) -> Answer {
        if let Some(refused) = refused_text(fields) {
            return refused;
        }
        let is_deleted = self.deleted.iter().any(|it| it == id);
        let known = self.bot_posts.iter_mut().find(|post| post.id == id && !is_deleted);
        let Some(post) = known else {
            return refusal(404, "app.post.get.app_error", "Unable to get the post.");
        };
        post.fields["message"] = fields["message"].clone();
        post.edits += 1;
        shown(200, post)
    }
}

fn refused_text(fields: &Value) -> Option<Answer> {
    let length = fields["message"].as_str().unwrap_or_default().chars().count();
    let id = "model.post.is_valid.msg.app_error";
    (!(1..=16_383).contains(&length)).then(|| refusal(400, id, "Invalid message."))
}

fn shown(status: u16, post: &Post) -> Answer {
    let message = &post.fields["message"];
    let root = post.fields["root_id"].as_str().unwrap_or_default();
    Answer::json(
        status,
        &json!({ "id": post.id, "channel_id": post.channel, "message": message, "root_id": root }),
    )
}

fn refusal(status: u16, id: &str, message: &str) -> Answer {
    let body = json!({ "id": id, "message": message, "detailed_error": "", "request_id": "r", "status_code": status });
    Answer::json(status, &body)
}

impl Provider for Mattermost {
    fn take(&mut self, heard: &Heard) -> Answer {
        let path = heard.path.clone();
        match path.strip_prefix("/api/v4/") {
            Some(path) => self.bot(heard, path),
            None => self.hook(heard),
        }
    }

    fn refuse(&mut self, _heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        let answer = match status {
            401 => refusal(status, "api.context.session_expired.app_error", "refused"),
            _ => refusal(status, "api.context.app_error", "refused"),
        };
        wait.map_or(answer.clone(), |wait| answer.with("retry-after", wait.as_secs_f64()))
    }
}
