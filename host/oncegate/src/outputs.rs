//! From what a handler staged to what is written: which outputs a commit covers, and the ids that
//! every repetition of an output bears.

use oncegate_broker::{DeadLetter, Encoder, Header, Output};
use oncegate_dedup::{Attempt, Death, KeyName, hex, text};
use oncegate_sandbox::{Message, StagedOutput};

/// How much of a reason a dead letter carries, in bytes.
const REASON_BYTES: usize = 2048;

/// The header of a dead letter that says which key its delivery had claimed, as listings show it: one for each key, in
/// the order of the fences.
pub const KEY_HEADER: &str = "oncegate-key";

/// The header of a dead letter that says by which fence a key was marked dead.
pub const FENCE_HEADER: &str = "oncegate-fence";

/// Names the first output that no commit covers, if there is one.
///
/// An output belongs to the key most recently answered new before it. (See k1, emit, see k2, commit k2: with any
/// weaker rule k1's effect would come again with the next delivery of k1.)
pub fn uncovered(attempt: &Attempt, outputs: &[StagedOutput]) -> Option<Death> {
    let covered = |output: &&StagedOutput| match output.under {
        Some(key) => attempt.is_staged(key),
        None => attempt.staged() > 0,
    };
    let index = outputs.iter().position(|output| !covered(&output))?;
    let topic = text::shown(outputs.get(index)?.topic.as_bytes(), 80);
    let why = match outputs.get(index)?.under {
        Some(_) => "its key was not committed",
        None => "no key was committed",
    };
    Some(Death::EffectWithoutCommit(format!("output {} to topic {topic}: {why}", index + 1)))
}

/// Appends an invocation's outputs, as their sink takes them.
pub fn encode(
    attempt: &Attempt,
    message_id: &str,
    outputs: Vec<StagedOutput>,
    encoder: &dyn Encoder,
    bytes: &mut Vec<u8>,
) {
    for output in outputs {
        let id = output_id(attempt, message_id, &output);
        let headers: Vec<Header> =
            output.headers.into_iter().map(|(name, value)| Header { name, value }).collect();
        let output = Output {
            id: &id,
            topic: &output.topic,
            key: output.key.as_deref(),
            headers: &headers,
            payload: &output.payload,
        };
        encoder.output(&output, bytes);
    }
}

/// (namespace, key, index within the key), or (namespace, message id, index) where there is no key. Numbered
/// within the key, because a re-run that skips another key's outputs must not shift these. The namespace has no
/// slash and the index comes last, so that no two ids are confused.
fn output_id(attempt: &Attempt, message_id: &str, output: &StagedOutput) -> String {
    let namespace = &attempt.gate().policy().namespace;
    let index = output.index;
    match output.under.and_then(|key| attempt.key_at(key)).map(|key| key.name()) {
        // Escaped, so that keys that are no text keep ids of their own.
        Some(key @ KeyName::Plain(_)) => format!("{namespace}/k/{key}/{index}"),
        Some(KeyName::Hashed(digest)) => format!("{namespace}/h/{}/{index}", hex::encode(digest)),
        None => format!("{namespace}/m/{message_id}/{index}"),
    }
}

/// Appends the dead letter of a message. With it go the reason and, for each claim that the delivery holds, the key and
/// the fence by which the key is marked dead.
pub fn encode_dead_letter(
    attempt: &Attempt,
    message: &Message,
    death: &Death,
    encoder: &dyn Encoder,
    bytes: &mut Vec<u8>,
) {
    let reason = text::line(&death.to_string(), REASON_BYTES);
    let mut host_headers = vec![(oncegate_broker::REASON_HEADER, reason)];
    for (key, fence) in attempt.claims() {
        host_headers.push((KEY_HEADER, key.name().to_string()));
        host_headers.push((FENCE_HEADER, fence.to_string()));
    }
    let headers = message
        .headers
        .iter()
        .map(|header| Header { name: header.name.clone(), value: header.value.clone() });
    let headers: Vec<Header> = headers.collect();
    let letter = DeadLetter {
        id: &message.id,
        topic: &message.topic,
        key: message.key.as_deref(),
        headers: &headers,
        payload: &message.payload,
        host_headers,
    };
    encoder.dead_letter(&letter, bytes);
}
