//! Dead letters in a stream, and how they leave it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use oncegate_broker::StreamUrl;
use oncegate_redis::redis::{Cmd, Value, cmd};

use super::letter::{Fields, Letter, Resend};
use super::line::{Line, bytes, entries};

/// Takes a dead letter off and appends its message, in one step.
const MOVE: &str = include_str!("move.lua");

/// The dead letters of a stream.
#[derive(Debug)]
pub struct StreamLetters {
    line: Line,
}

/// Where a message is sent again.
#[derive(Debug)]
pub enum Destination {
    /// To a stream.
    Stream(Line),
    /// To the end of a file.
    File(PathBuf),
}

/// What came of sending a letter again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// It is where it was to go; with the entry's id, if that is a stream.
    Done(Option<String>),
    /// The dead letter was gone: it has been sent before.
    Gone,
}

impl StreamLetters {
    /// Finds the server. Blocks, so it is done outside of any runtime.
    pub fn open(url: &StreamUrl) -> Result<Self> {
        Ok(Self { line: Line::to(url).with_context(|| url.to_string())? })
    }

    /// The letters behind an id (or the first ones), at most so many, each with its id.
    pub async fn page(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<(String, Result<Letter>)>> {
        let from = after.map_or("-".to_owned(), |after| format!("({after}"));
        let found = self.range(&from, "+", limit).await?;
        Ok(found.into_iter().map(|(id, fields)| (id.clone(), Letter::of_entry(id, fields))).collect())
    }

    /// One letter.
    pub async fn get(&mut self, id: &str) -> Result<Option<Result<Letter>>> {
        let found = self.range(id, id, 1).await?.pop();
        Ok(found.map(|(id, fields)| Letter::of_entry(id, fields)))
    }

    /// The id of the last letter.
    pub async fn last(&mut self) -> Result<Option<String>> {
        let mut command = cmd("XREVRANGE");
        command.arg(self.line.stream()).arg("+").arg("-").arg("COUNT").arg(1);
        let found =
            entries(self.line.ask(&command).await?).context("the server's answer is no list of entries")?;
        Ok(found.into_iter().next().map(|(id, _)| id))
    }

    async fn range(&mut self, from: &str, to: &str, limit: usize) -> Result<Vec<(String, Fields)>> {
        let mut command = cmd("XRANGE");
        command.arg(self.line.stream()).arg(from).arg(to).arg("COUNT").arg(limit);
        entries(self.line.ask(&command).await?).context("the server's answer is no list of entries")
    }

    /// Whether a letter can be taken off and sent in one step.
    pub async fn is_beside(&self, destination: &Destination) -> bool {
        match destination {
            Destination::Stream(to) => self.line.is_beside(to).await,
            Destination::File(_) => false,
        }
    }

    /// Sends a letter again, and then takes it off: at once where `beside` says that this is possible.
    pub async fn resend(
        &mut self,
        letter: &Letter,
        what: &Resend,
        to: &mut Destination,
        beside: bool,
    ) -> Result<Resent> {
        if let (true, Destination::Stream(source)) = (beside, &*to) {
            let mut command = cmd("EVAL");
            command.arg(MOVE).arg(2).arg(self.line.stream()).arg(source.stream()).arg(&letter.id);
            push(&mut command, &fields(letter, what));
            let about_source = || format!("nothing was done to the stream {}", source.stream());
            return match self.line.ask(&command).await.with_context(about_source)? {
                Value::Nil => Ok(Resent::Gone),
                value => Ok(Resent::Done(bytes(value).and_then(|id| String::from_utf8(id).ok()))),
            };
        }
        let sent = to.send(letter, what).await?;
        let mut command = cmd("XDEL");
        command.arg(self.line.stream()).arg(&letter.id);
        let taken_off = self.line.ask(&command).await;
        taken_off.context("it was sent, but not taken off: do not send it again")?;
        Ok(Resent::Done(sent))
    }
}

impl Destination {
    /// Sends one letter. Answers its new entry's id, if it has one.
    pub async fn send(&mut self, letter: &Letter, what: &Resend) -> Result<Option<String>> {
        match self {
            Destination::Stream(line) => {
                let mut command = cmd("XADD");
                // Not a new stream for a name that was mistyped.
                command.arg(line.stream()).arg("NOMKSTREAM").arg("*");
                push(&mut command, &fields(letter, what));
                match line.ask(&command).await? {
                    Value::Nil => bail!("there is no stream {}", line.stream()),
                    value => Ok(bytes(value).and_then(|id| String::from_utf8(id).ok())),
                }
            }
            Destination::File(path) => {
                if *what != Resend::Message {
                    bail!("it never was a message, and a file takes nothing else");
                }
                let append = || -> std::io::Result<()> {
                    let mut file = OpenOptions::new().create(true).append(true).open(&*path)?;
                    file.write_all(&letter.line())?;
                    file.sync_data()
                };
                append().map_err(|error| anyhow!("{} cannot be written: {error}", path.display()))?;
                Ok(None)
            }
        }
    }
}

fn fields(letter: &Letter, what: &Resend) -> Fields {
    match what {
        Resend::Message => letter.fields(),
        Resend::Entry(fields) => fields.clone(),
    }
}

fn push(command: &mut Cmd, fields: &Fields) {
    for (name, value) in fields {
        command.arg(name).arg(value);
    }
}
