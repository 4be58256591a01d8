//! One call of the handler: what it was told, what it staged, how it ended.

use oncegate_dedup::{HandlerEnd, KeyName, Refusal, SeenError, Sighting};
use oncegate_sandbox::{Invocation, Logs, Message, StagedOutput};

/// A call that has ended. Its texts are escaped, but for receipts and outputs.
#[derive(Debug, Clone)]
pub struct Call {
    /// The attempt number that the message had.
    pub attempt: u32,
    /// How it ended.
    pub end: HandlerEnd,
    /// The keys that it asked for, in order.
    pub keys: Vec<AskedKey>,
    /// What it emitted, in order. Empty unless it returned `ok`.
    pub outputs: Vec<Emitted>,
    /// The first topic that it was refused.
    pub refused_topic: Option<String>,
    /// Whether its first key is the message's id.
    pub key_is_id: bool,
    /// What it wrote for the operator.
    pub logs: Logs,
}

/// A key that it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedKey {
    /// As listings show it.
    pub name: String,
    /// What it was told.
    pub told: Result<Sighting, SeenError>,
    /// Whether it staged the commit, and with which receipt.
    pub commit: Option<Option<Vec<u8>>>,
}

/// Something that it emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The key that it belongs to, as listings show it; none if no key was new before it.
    pub under: Option<String>,
    /// What.
    pub output: StagedOutput,
}

impl Call {
    /// What there is to tell of an invocation.
    pub fn of(message: &Message, invocation: &Invocation) -> Self {
        let Invocation { attempt, end, outputs, refused_topic, logs, .. } = invocation;
        let keys = attempt.asked().map(|asked| AskedKey {
            name: asked.key.name().to_string(),
            told: asked.told,
            commit: asked.commit.map(|receipt| receipt.map(<[u8]>::to_vec)),
        });
        let emitted = outputs.iter().map(|output| Emitted {
            under: output.under.and_then(|key| attempt.key_at(key)).map(|key| key.name().to_string()),
            output: output.clone(),
        });
        let first = attempt.first_claim();
        Self {
            attempt: message.attempt,
            end: end.clone(),
            keys: keys.collect(),
            outputs: emitted.collect(),
            refused_topic: refused_topic.clone(),
            key_is_id: first.is_some_and(|(key, _)| key.name() == KeyName::Plain(message.id.as_bytes())),
            logs: logs.clone(),
        }
    }

    /// Whether it returned `ok`.
    pub fn is_ok(&self) -> bool {
        self.end == HandlerEnd::Ok
    }

    /// Why it failed, if it did: its own words, or what stopped it.
    pub fn failure(&self) -> Option<&str> {
        match &self.end {
            HandlerEnd::Failed(why) | HandlerEnd::OutOfTime(why) => Some(why),
            _ => None,
        }
    }

    /// Why its delivery is put off whatever it returned, if it is.
    pub fn put_off_by(&self) -> Option<&AskedKey> {
        self.keys.iter().find(|key| matches!(key.told, Ok(Sighting::InFlight(_))))
    }

    /// Why the store could not be asked, if it could not.
    pub fn outage(&self) -> Option<&str> {
        self.keys.iter().find_map(|key| match &key.told {
            Err(SeenError::Refused(Refusal::Unavailable(why))) => Some(why.as_str()),
            _ => None,
        })
    }

    /// The keys whose commit it staged, with the receipts.
    pub fn commits(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.keys.iter().filter_map(|key| {
            let receipt = key.commit.as_ref()?;
            Some((key.name.as_str(), receipt.as_deref()))
        })
    }

    /// Whether something would happen if all that it staged were applied.
    pub fn has_effect(&self) -> bool {
        !self.outputs.is_empty() || self.commits().next().is_some()
    }

    /// About what it takes in memory.
    pub fn bytes(&self) -> usize {
        let output = |Emitted { output, .. }: &Emitted| {
            let headers = output.headers.iter().map(|(name, value)| name.len() + value.len());
            output.payload.len() + output.topic.len() + headers.sum::<usize>()
        };
        let key = |key: &AskedKey| key.name.len() + key.commit.iter().flatten().map(Vec::len).sum::<usize>();
        let logs = self.logs.lines.iter().map(|line| line.text.len());
        let parts = self.outputs.iter().map(output).chain(self.keys.iter().map(key)).chain(logs);
        size_of::<Self>() + parts.sum::<usize>()
    }
}
