//! Which of the calls that go over a wire is meant.

use std::collections::HashMap;

/// A script, known by words of its source, or a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Claims keys.
    Claim,
    /// Looks whether fences still hold, before outputs go out.
    Check,
    /// Marks keys, where that is a step of its own.
    Mark,
    /// Marks, appends and acknowledges in one step.
    Settle,
    /// Acknowledges, where that is a step of its own.
    Acknowledge,
    /// Appends outputs or dead letters, where that is a step of its own.
    Append,
    /// Keeps what a host holds fresh.
    Keep,
    /// Takes entries over that another host has left.
    Take,
    /// Takes or renews a name that one host holds alone.
    Hold,
    /// A command by its name.
    Command(&'static str),
}

/// What scripts do, by what Redis calls them. They are learnt from the calls that bring them along.
pub type Sources = HashMap<Vec<u8>, Option<Call>>;

/// All that are known by their source. One that has another's words comes before it.
const SCRIPTS: [Call; 9] = [
    Call::Settle,
    Call::Claim,
    Call::Check,
    Call::Mark,
    Call::Acknowledge,
    Call::Append,
    Call::Keep,
    Call::Take,
    Call::Hold,
];

impl Call {
    /// Whether a command is this one. A script that is called without a key only shows that it may be called.
    pub fn is(self, words: &[&[u8]], sources: &Sources) -> bool {
        match self {
            Call::Command(name) => {
                words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
            }
            script => Call::of(words, sources) == Some(script),
        }
    }

    /// What a command does, if it is one of the scripts.
    pub fn of(words: &[&[u8]], sources: &Sources) -> Option<Call> {
        let [name, script, keys, ..] = words else { return None };
        if *keys == b"0" {
            return None;
        }
        if name.eq_ignore_ascii_case(b"EVAL") {
            return Call::of_source(std::str::from_utf8(script).ok()?);
        }
        let digest = name.eq_ignore_ascii_case(b"EVALSHA").then_some(*script)?;
        sources.get(digest).copied().flatten()
    }

    fn of_source(source: &str) -> Option<Call> {
        SCRIPTS.into_iter().find(|call| call.is_source(source))
    }

    fn is_source(self, source: &str) -> bool {
        let has = |words: &str| source.contains(words);
        let settles = has("-- Settles deliveries");
        let of_a_stream = has("-- Settles deliveries of a stream");
        match self {
            Call::Claim => has("-- Claims keys"),
            Call::Check => settles && !of_a_stream && has("local WRITE = false"),
            Call::Mark => settles && !of_a_stream && has("local WRITE = true"),
            Call::Settle => of_a_stream,
            Call::Acknowledge => has("if whose == 'ours' then acknowledge(key, group, id) end"),
            Call::Append => has("-- Appends an entry. One that"),
            Call::Keep => has("-- Keeps an entry fresh that is ours"),
            Call::Take => has("-- Takes an entry, if it is still pending"),
            Call::Hold => has("-- Takes, renews or gives up a name"),
            Call::Command(_) => false,
        }
    }
}

/// Notes the source that a command brings along.
pub fn learn(words: &[&[u8]], sources: &mut Sources) {
    if let [name, source, ..] = words
        && name.eq_ignore_ascii_case(b"EVAL")
    {
        let source = String::from_utf8_lossy(source);
        let digest = redis::Script::new(&source).get_hash().as_bytes().to_vec();
        sources.entry(digest).or_insert_with(|| Call::of_source(&source));
    }
}
