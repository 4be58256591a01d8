//! Changes of what is remembered of a key, each by the fence that was seen.

use clap::ArgMatches;
use oncegate_dedup::store::{Forgotten, Marked, StoreError};
use oncegate_dedup::{Fence, Key, Record, State};
use serde_json::Value;

use crate::audit::{Audit, Change};
use crate::cli::{operator, print};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::about;
use crate::stores::{Opened, StoreOptions};

pub const ABOUT_FORGET: &str = "Forgets a key: its next delivery is handled as new, and whoever holds it can no longer commit it. The caches of \
     running hosts hear of it at once where the store is a Redis and their connection is up, and follow after \
     l1.staleness at the latest";

pub const ABOUT_COMMIT: &str = "Commits a key by your word that its effect has happened: later deliveries are duplicates, without a receipt, and \
     whoever holds it can no longer commit it. What is committed stays as it is";

/// A change that is to be made.
struct Wanted<'a> {
    opened: Opened,
    key: &'a Key,
    audit: Audit,
    /// The fence that was given.
    fence: Option<Fence>,
}

impl<'a> Wanted<'a> {
    fn new(
        matches: &ArgMatches,
        options: &StoreOptions,
        key: &'a Key,
        command: &'static str,
    ) -> Result<Self, Failure> {
        let fence = matches.get_one::<String>("fence").map(|fence| fence.parse()).transpose();
        let fence = fence.or_exit(Exit::Usage)?;
        // Before the store: without an audit nothing is touched.
        let audit = Audit::open(matches, command, options.url.to_string(), Some(key.namespace().to_owned()))?;
        Ok(Self { opened: operator::open(options)?, key, audit, fence })
    }

    /// The record as it is now.
    async fn look(&self) -> Result<Option<Record>, Failure> {
        let entry = self.opened.store.get(self.key).await.or_exit(Exit::Store)?;
        entry.map(|entry| entry.record.or_exit(Exit::Store)).transpose()
    }

    fn intend(&mut self, before: Option<Fence>) -> Result<Change, Failure> {
        let fence = before.map_or(Value::Null, |fence| fence.to_string().into());
        self.audit.intend(vec![("key", self.key.name().to_string().into()), ("fence", fence)])
    }

    /// Says what came of it, to the audit and to the operator.
    fn end(
        &mut self,
        change: &Change,
        came_of: Result<Result<String, String>, StoreError>,
    ) -> Result<(), Failure> {
        let outcome = match &came_of {
            Ok(Ok(done) | Err(done)) => done.clone(),
            Err(error) => format!("unknown: {error}"),
        };
        self.audit.came_of(change, &outcome)?;
        match came_of {
            Ok(Ok(done)) => print(&format!("{done}\n")),
            Ok(Err(refused)) => Err(fail!(Exit::Failed, "{refused}")),
            Err(error) => Err(error).or_exit(Exit::Store),
        }
    }

    fn changed(&self, now: Fence) -> String {
        let key = self.key.name();
        match self.fence {
            Some(given) => {
                format!(
                    "key {key} does not have the fence {given} but {now}: it is left as it is; look at it first"
                )
            }
            None => {
                format!("key {key} has just changed (its fence is {now}): it is left as it is; look again")
            }
        }
    }
}

pub fn forget(matches: &ArgMatches, options: &StoreOptions, key: &Key) -> Result<(), Failure> {
    let keep_ms = operator::time_ms(matches, "keep")?;
    let mut wanted = Wanted::new(matches, options, key, "keys forget")?;
    operator::wait(async {
        let name = key.name();
        let Some(record) = wanted.look().await? else {
            return Err(fail!(Exit::Failed, "no record of key {name}: there is nothing to forget"));
        };
        let fence = wanted.fence.unwrap_or(record.fence);
        let change = wanted.intend(Some(fence))?;
        // By a fence in any case: what somebody else does to the key in between is not forgotten unseen.
        let answer = wanted.opened.store.forget(key, Some(fence), keep_ms).await;
        let came_of = answer.map(|answer| match answer {
            Forgotten::Done => Ok(format!("forgotten: {name} (it was {})", record.state.word())),
            Forgotten::Absent => Err(format!("the record of key {name} has just ended")),
            Forgotten::Changed(now) => Err(wanted.changed(now)),
        });
        wanted.end(&change, came_of)
    })
}

pub fn commit(matches: &ArgMatches, options: &StoreOptions, key: &Key) -> Result<(), Failure> {
    let window_ms = operator::time_ms(matches, "window")?;
    let mut wanted = Wanted::new(matches, options, key, "keys commit")?;
    operator::wait(async {
        let name = key.name();
        let record = wanted.look().await?;
        // Of a key without a record there is no fence to go by: if somebody claims it just now, that claim is lost,
        // and its delivery meets the commit when it is made again.
        let fence = wanted.fence.or_else(|| record.as_ref().map(|record| record.fence));
        let change = wanted.intend(fence)?;
        let answer = wanted.opened.store.commit_for(key, fence, window_ms).await;
        let was_committed = record.as_ref().is_some_and(|record| record.state == State::Committed);
        let was = record.as_ref().map_or("without a record", was);
        let came_of = answer.map(|answer| match answer {
            // What an attempt has committed is answered otherwise.
            Marked::Done if was_committed => {
                Ok(format!("key {name} is left as it is: it was committed by an operator's word before"))
            }
            Marked::Done => Ok(format!("committed: {name} (it was {was}) for {}", about(window_ms))),
            Marked::Committed(fence) => {
                Err(format!("key {name} is committed already (fence {fence}): it is left as it is"))
            }
            Marked::Absent => Err(format!("there is no record of key {name}, so none with that fence")),
            Marked::Changed(now) => Err(wanted.changed(now)),
        });
        wanted.end(&change, came_of)
    })
}

fn was(record: &Record) -> &'static str {
    match record.state {
        State::Released if record.is_just_forgotten() => "forgotten",
        state => state.word(),
    }
}
