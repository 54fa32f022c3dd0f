//! A mail: plain text, with ids that put everything about a task into one thread. Pure but for what `lettre` draws.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};

use crate::kernel::notice::Row;
use crate::notify::mail::server::MailServer;
use crate::notify::render::markup::unmentioned;
use crate::notify::render::measure::{Unit, fit, visible_line};
use crate::notify::render::outline::Outline;

/// Longest text, in bytes. A notice is much shorter.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Longest subject, in characters.
const SUBJECT_CHARACTERS_MAX: usize = 150;

/// The mail for a row.
///
/// # Errors
/// An address is not one.
pub fn of_row(row: &Row, server: &MailServer, epoch_seconds: i64) -> Result<Message, String> {
    let address = |text: &str| -> Result<Mailbox, String> {
        let address: Address = text
            .parse()
            .map_err(|error| format!("`{}` is no address of mail: {error}", visible_line(text)))?;
        Ok(Mailbox::new(None, address))
    };
    let domain = server.domain();
    let mut from = address(&server.from)?;
    from.name = Some("kanban".to_owned());
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(epoch_seconds.unsigned_abs());
    let mut mail = Message::builder()
        .from(from)
        .to(address(&row.address)?)
        .date(date)
        .subject(subject_of(row))
        // The same at every attempt, so a receiver may drop the second one.
        .message_id(Some(format!("<{}@{domain}>", row.dedupe)))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("List-Id", &format!("<kanban.{domain}>")));
    if let Some(task) = &row.notice.task {
        // The first message of the thread need not exist: readers put those together that name the same one.
        let root = format!("<{}.kanban@{domain}>", task.id);
        mail = mail.in_reply_to(root.clone()).references(root);
    }
    let text = text_of(row).replace('\n', "\r\n");
    mail.singlepart(SinglePart::plain(text)).map_err(|error| error.to_string())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The same for everything about a task: readers that know no ids go by it.
pub fn subject_of(row: &Row) -> String {
    let outline = Outline::of(&row.notice, false);
    let line = match &row.notice.task {
        Some(task) => format!("[{}] {}", visible_line(&task.id), outline.title),
        None => format!("[kanban] {}", outline.title),
    };
    fit(&line, SUBJECT_CHARACTERS_MAX, Unit::Characters, unmentioned).text
}

/// The text.
pub fn text_of(row: &Row) -> String {
    let outline = Outline::of(&row.notice, row.is_repeat);
    let mention = row.notice.mention.as_ref().map(|it| format!("for {}", visible_line(&it.name)));
    let plain = |sign: char, out: &mut String| out.push(sign);
    outline.text(TEXT_BYTES_MAX, Unit::Bytes, plain, &mention.unwrap_or_default())
}
