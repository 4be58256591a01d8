//! A stream's group and this process in it.

use std::sync::Arc;

use futures_util::future::join_all;
use oncegate_redis::redis::Value;
use oncegate_redis::{MOST_KEYS, Part, Script, Server};

use super::reply::Said;
use crate::ticket::Ticket;

/// A stream, its group, and what this process is called there.
#[derive(Debug)]
pub struct Place {
    /// Where the stream is.
    pub server: Arc<Server>,
    /// The stream's name.
    pub stream: String,
    /// The group's name.
    pub group: String,
    /// The consumer's name.
    pub consumer: String,
}

/// Why the stream did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Not now. Later it may.
    Away(String),
    /// The server will not do it.
    Refused(String),
}

impl Trouble {
    /// What a server's error means that begins with these words.
    pub fn of(why: String) -> Self {
        let code = why.split(' ').next().unwrap_or_default();
        match code {
            "NOGROUP" | "WRONGTYPE" | "NOPERM" => Trouble::Refused(why),
            _ => Trouble::Away(why),
        }
    }
}

impl Place {
    /// Adds a question about the group to a part: what every script wants to know first.
    pub fn question(&self, part: &mut Part) {
        part.keys.push(self.stream.as_bytes());
        part.args.push(self.group.as_bytes());
        part.args.push(self.consumer.as_bytes());
        part.answers += 1;
    }

    /// Asks one question. `with` adds its further arguments.
    pub async fn ask(&self, script: &Script, with: impl FnOnce(&mut Part)) -> Result<Said, Trouble> {
        let mut part = Part::new(script);
        self.question(&mut part);
        with(&mut part);
        let values = self.server.ask(part).await.map_err(Trouble::of)?;
        let mut said = Said::of(values.into_iter().next().unwrap_or(Value::Nil));
        if said.word == "refused" { Err(Trouble::of(said.text())) } else { Ok(said) }
    }

    /// Asks the same about many things, in as few calls as may be, and answers for each. `with` adds the further
    /// arguments.
    pub async fn ask_all<T>(
        &self,
        script: &Script,
        things: &[T],
        with: impl Fn(&T, &mut Part),
    ) -> Vec<Result<Said, String>> {
        let chunks = things.chunks(MOST_KEYS).map(|chunk| {
            let mut part = Part::new(script);
            for thing in chunk {
                self.question(&mut part);
                with(thing, &mut part);
            }
            let answer = self.server.ask(part);
            async move {
                match answer.await {
                    Ok(values) => values.into_iter().map(|value| Ok(Said::of(value))).collect(),
                    Err(why) => chunk.iter().map(|_| Err(why.clone())).collect(),
                }
            }
        });
        // All are sent before the first answer is waited for.
        let answers: Vec<Vec<Result<Said, String>>> = join_all(chunks.collect::<Vec<_>>()).await;
        answers.into_iter().flatten().collect()
    }

    /// Adds a ticket to a question.
    pub fn ticket(ticket: &Ticket, part: &mut Part) {
        part.args.push(ticket.entry_id().as_bytes());
        part.args.push_number(ticket.count);
    }
}
