//! Dead letters get another chance.

use anyhow::Context as _;
use clap::ArgMatches;
use oncegate_dedup::store::Requeued;
use oncegate_dedup::text::line;
use oncegate_dedup::{Fence, Key, Namespace, State};
use serde_json::{Value, json};

use super::places::{Place, Requeue};
use crate::audit::Audit;
use crate::cli::{operator, print};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::letters::{Destination, FileLetters, Letter, Line, Resend, Resent, StreamLetters};
use crate::stores::Opened;
use crate::warning::notice;

/// Letters asked for at once.
const PAGE: usize = 100;

/// How long a line is that says what came of a letter, in bytes.
const LINE_BYTES: usize = 8 << 10;

/// Which letters are meant.
#[derive(Debug)]
enum Which {
    Ids(Vec<String>),
    All { reason_prefix: String },
}

/// What a requeue works with.
struct Work {
    opened: Opened,
    namespace: Namespace,
    keep_ms: u64,
    force: bool,
    audit: Audit,
    to: Destination,
    shown_to: String,
    sent: u64,
    kept: u64,
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let places = Requeue::new(matches)?;
    let keep_ms = operator::time_ms(matches, "keep")?;
    let which = match matches.get_many::<String>("id") {
        Some(ids) => Which::Ids(ids.cloned().collect()),
        None => Which::All { reason_prefix: operator::text(matches, "reason-prefix").to_owned() },
    };
    let (store, namespace) = (places.store.url.to_string(), places.namespace.to_string());
    // Before anything is opened: without an audit nothing is touched.
    let audit = Audit::open(matches, "dead requeue", store, Some(namespace))?;
    let (to, shown_to) = match &places.to {
        Place::Stream(url) => {
            let line = Line::to(url).with_context(|| url.to_string()).or_exit(Exit::File)?;
            (Destination::Stream(line), url.to_string())
        }
        Place::File(path) => (Destination::File(path.clone()), path.display().to_string()),
    };
    let mut work = Work {
        opened: operator::open(&places.store)?,
        namespace: places.namespace,
        keep_ms,
        force: matches.get_flag("force"),
        audit,
        to,
        shown_to,
        sent: 0,
        kept: 0,
    };
    match &places.letters {
        Place::Stream(url) => {
            let letters = StreamLetters::open(url).or_exit(Exit::File)?;
            operator::wait(work.all_of_stream(letters, which))?;
        }
        Place::File(path) => {
            let letters = FileLetters::open(path).or_exit(Exit::File)?;
            operator::wait(work.all_of_file(letters, which))?;
            notice!(
                "the dead letters stay in {}: a run records how long the file is, and refuses one that was \
                 changed",
                path.display()
            );
        }
    }
    match work.kept {
        0 => Ok(()),
        kept => Err(fail!(Exit::Failed, "{kept} dead letters were not sent again, {} were", work.sent)),
    }
}

impl Work {
    async fn all_of_stream(&mut self, mut letters: StreamLetters, which: Which) -> Result<(), Failure> {
        let beside = letters.is_beside(&self.to).await;
        let reason_prefix = match which {
            Which::Ids(ids) => {
                for id in ids {
                    match letters.get(&id).await.or_exit(Exit::File)? {
                        Some(letter) => self.one_of_stream(&mut letters, &id, letter, beside).await?,
                        None => self.keep(&id, "there is no such letter; it may have been sent before")?,
                    }
                }
                return Ok(());
            }
            Which::All { reason_prefix } => reason_prefix,
        };
        // What comes back while this runs is for the next call.
        let Some(last) = letters.last().await.or_exit(Exit::File)? else { return Ok(()) };
        let mut after: Option<String> = None;
        while after.as_ref() != Some(&last) {
            let page = letters.page(after.as_deref(), PAGE).await.or_exit(Exit::File)?;
            if page.is_empty() {
                break;
            }
            for (id, letter) in page {
                if is_meant(&letter, &reason_prefix) {
                    self.one_of_stream(&mut letters, &id, letter, beside).await?;
                }
                let is_last = id == last;
                after = Some(id);
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn one_of_stream(
        &mut self,
        letters: &mut StreamLetters,
        id: &str,
        letter: anyhow::Result<Letter>,
        beside: bool,
    ) -> Result<(), Failure> {
        let Some(ready) = self.prepare(id, letter).await? else { return Ok(()) };
        let resent = letters.resend(&ready.letter, &ready.what, &mut self.to, beside).await;
        self.end(ready, resent)
    }

    async fn all_of_file(&mut self, letters: FileLetters, which: Which) -> Result<(), Failure> {
        let mut missing = match &which {
            Which::Ids(ids) => ids.clone(),
            Which::All { .. } => Vec::new(),
        };
        for (id, letter) in letters {
            let meant = match &which {
                Which::Ids(ids) => ids.contains(&id),
                Which::All { reason_prefix } => is_meant(&letter, reason_prefix),
            };
            if !meant {
                continue;
            }
            missing.retain(|missing| *missing != id);
            if let Some(ready) = self.prepare(&id, letter).await? {
                let resent = self.to.send(&ready.letter, &ready.what).await.map(Resent::Done);
                self.end(ready, resent)?;
            }
        }
        missing.iter().try_for_each(|id| self.keep(id, "there is no such line"))
    }

    /// Clears the records of a letter's keys. None if the letter is not to be sent, which is said.
    async fn prepare(&mut self, id: &str, letter: anyhow::Result<Letter>) -> Result<Option<Ready>, Failure> {
        let understood = letter.and_then(|letter| {
            let (what, claims) = (letter.resend()?, letter.claims(&self.namespace)?);
            Ok((letter, what, claims))
        });
        let (letter, what, claims) = match understood {
            Ok(understood) => understood,
            Err(error) => return self.keep(id, &format!("{error:#}")).map(|()| None),
        };
        // All are looked at before the first one is changed.
        if !self.force
            && let Some(why) = self.obstacle(&claims).await?
        {
            return self.keep(id, &why).map(|()| None);
        }
        let text = |text: String| Value::from(text);
        let fences: Vec<Value> = claims.iter().map(|(_, fence)| text(fence.to_string())).collect();
        let keys: Vec<&str> = letter.keys().collect();
        let subject = vec![
            ("letter", text(id.to_owned())),
            ("key", json!(keys)),
            ("fence", json!(fences)),
            ("to", text(self.shown_to.clone())),
        ];
        let change = self.audit.intend(subject)?;
        let mut cleared = Vec::new();
        for (keys, fence) in claims {
            for key in keys {
                match self.opened.store.requeue(&key, fence, self.keep_ms).await {
                    Ok(Requeued::Done) => cleared.push(format!("key {} is cleared", key.name())),
                    Ok(Requeued::Absent) => {}
                    Ok(Requeued::Kept { state, .. }) => {
                        cleared.push(format!("key {} stays {}", key.name(), state.word()));
                    }
                    Err(error) => {
                        self.audit.came_of(
                            &change,
                            &format!("not sent; what became of the record is unknown: {error}"),
                        )?;
                        return Err(error).or_exit(Exit::Store);
                    }
                }
            }
        }
        Ok(Some(Ready { letter, what, change, cleared }))
    }

    /// Why it would be in vain to send a letter again.
    async fn obstacle(&self, claims: &[(Vec<Key>, Fence)]) -> Result<Option<String>, Failure> {
        for (key, fence) in claims.iter().flat_map(|(keys, fence)| keys.iter().map(move |key| (key, fence))) {
            let Some(entry) = self.opened.store.get(key).await.or_exit(Exit::Store)? else { continue };
            let record = entry.record.or_exit(Exit::Store)?;
            let name = key.name();
            match record.state {
                State::Committed => {
                    return Ok(Some(format!(
                        "its key {name} was committed meanwhile (fence {}): its effect has happened; --force sends it \
                         all the same, and the gate will suppress it",
                        record.fence
                    )));
                }
                State::Dead if record.fence.attempt != fence.attempt => {
                    return Ok(Some(format!(
                        "its key {name} is dead by another delivery (fence {}): requeue that one's letter first, or it \
                         will come back",
                        record.fence
                    )));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn end(&mut self, ready: Ready, resent: anyhow::Result<Resent>) -> Result<(), Failure> {
        let Ready { letter, change, mut cleared, .. } = ready;
        let place = &self.shown_to;
        let (outcome, failure) = match resent {
            Ok(Resent::Done(Some(entry))) => (format!("sent to {place} as {entry}"), None),
            Ok(Resent::Done(None)) => (format!("sent to {place}"), None),
            Ok(Resent::Gone) => ("somebody else has just sent it".to_owned(), None),
            Err(error) => (format!("not known to be sent: {error:#}"), Some(error)),
        };
        cleared.insert(0, outcome);
        let outcome = cleared.join("; ");
        self.audit.came_of(&change, &outcome)?;
        if let Some(error) = failure {
            return Err(error.context(format!("the dead letter {}", letter.id))).or_exit(Exit::File);
        }
        self.sent += 1;
        print(&format!("{}\n", line(&format!("{}: {outcome}", letter.id), LINE_BYTES)))
    }

    fn keep(&mut self, id: &str, why: &str) -> Result<(), Failure> {
        self.kept += 1;
        print(&format!("{}\n", line(&format!("{id}: not sent: {why}"), LINE_BYTES)))
    }
}

/// A letter whose keys are cleared.
struct Ready {
    letter: Letter,
    what: Resend,
    change: crate::audit::Change,
    cleared: Vec<String>,
}

/// What cannot be read has no reason, so it is meant only where every letter is.
fn is_meant(letter: &anyhow::Result<Letter>, reason_prefix: &str) -> bool {
    match letter {
        Ok(letter) => letter.reason().starts_with(reason_prefix),
        Err(_) => reason_prefix.is_empty(),
    }
}
