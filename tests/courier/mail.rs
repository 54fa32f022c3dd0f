//! Mail, against a server on this host.

use std::time::Duration;

use kanband::kernel::notice::ChannelSetting;
use support::fakes::smtp::{MailFake, MailFault};

use crate::harness::{Bench, on_runtime, row, setting, word};

const PATIENT: Duration = Duration::from_secs(30);

fn mail(fake: &MailFake) -> ChannelSetting {
    setting("mail", Some(fake.url()))
}

#[test]
fn a_mail_has_ids_that_make_one_thread_of_a_task_and_no_forged_header() {
    let fake = MailFake::start();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&mail(&fake));
    let mut sent = row("mail", "ann@example.org", 1);
    let task = sent.notice.task.as_mut().unwrap();
    task.title = "Größe\r\nBcc: eve@example.org".to_owned();
    sent.notice.lines = vec![".\r\nsecond".to_owned()];
    for _attempt in 0..2 {
        let outcome = on_runtime(channel.send(&sent));
        assert_eq!(word(&outcome), "sent -", "{outcome:?}");
    }
    let mails = fake.mails();
    let id =
        |mail: &str| mail.lines().find(|line| line.starts_with("Message-ID: ")).unwrap().to_owned();
    assert_eq!(id(&mails[0]), "Message-ID: <dedupe00000000000001@example.org>");
    assert_eq!(id(&mails[0]), id(&mails[1]), "a repeat is the same mail");
    let head = mails[0].split("\r\n\r\n").next().unwrap();
    for wanted in [
        "To: ann@example.org",
        "In-Reply-To: <t_0000000a.kanban@example.org>",
        "References: <t_0000000a.kanban@example.org>",
        "Auto-Submitted: auto-generated",
        "List-Id: <kanban.example.org>",
        "Date: ",
    ] {
        assert!(head.lines().any(|line| line.starts_with(wanted)), "{wanted}: {head}");
    }
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    // `\0board@example.org\0SENTINEL-mail-password` in base64.
    assert_eq!(fake.logins().len(), 2);
}

#[test]
fn what_a_server_says_decides_what_becomes_of_a_mail() {
    let fake = MailFake::start();
    let bench = Bench::new(PATIENT);
    let channel = bench.channel(&mail(&fake));
    for (fault, expected) in [
        (MailFault::At("RCPT", "550 5.1.1 no such box"), "permanent smtp_550"),
        (MailFault::At("RCPT", "552 5.2.2 full"), "temporary smtp_552"),
        (MailFault::At("RCPT", "450 4.2.1 greylisted"), "temporary smtp_450"),
        (MailFault::At("AUTH", "535 5.7.8 bad credentials"), "channel_dead smtp_535"),
        (MailFault::At("DATA", "421 4.3.0 closing"), "temporary smtp_421"),
        (MailFault::At(".", "554 5.7.1 refused"), "permanent smtp_554"),
        (MailFault::At("EHLO", "500 5.5.1 what"), "temporary not_connected"),
        (MailFault::DropAfterDot, "unknown broken_off"),
    ] {
        fake.fail([fault]);
        let outcome = on_runtime(channel.send(&row("mail", "ann@example.org", 1)));
        assert_eq!(word(&outcome), expected, "{fault:?}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("SENTINEL"));
    }
    assert_eq!(fake.mails().len(), 1, "the one whose acknowledgement was lost");
    let outcome = on_runtime(channel.send(&row("mail", "no address", 1)));
    assert_eq!(word(&outcome), "permanent bad_address");
}
