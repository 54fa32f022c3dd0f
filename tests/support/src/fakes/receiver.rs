//! A receiver of webhooks.

use std::time::Duration;

use crate::fakes::http::{Answer, Heard, Provider};

/// Keeps what it gets.
#[derive(Debug, Default)]
pub struct Receiver {
    pub received: Vec<Heard>,
}

impl Provider for Receiver {
    fn take(&mut self, heard: &Heard) -> Answer {
        self.received.push(heard.clone());
        Answer::text(200, "")
    }

    fn refuse(&mut self, heard: &Heard, status: u16, wait: Option<Duration>) -> Answer {
        // An error that quotes what it got, as many frameworks do.
        let quoted = format!("cannot handle {} {:?}", heard.path, heard.headers);
        let answer = Answer::text(status, &quoted);
        let answer = if (300..400).contains(&status) {
            answer.with("location", "http://127.0.0.1:9/")
        } else {
            answer
        };
        wait.map_or(answer.clone(), |wait| answer.with("retry-after", wait.as_secs_f64()))
    }
}
