//! For programs: an object for each message, and one for all of them.

use oncegate_dedup::{HandlerEnd, SeenError, Sighting};
use serde_json::{Value, json};

use super::{Counts, Facts, Report};
use crate::rehearsal::call::{AskedKey, Call};
use crate::rehearsal::crash::Crash;
use crate::rehearsal::delivery::Delivery;
use crate::rehearsal::judge::{FaultKind, end, end_word};

/// A message.
pub fn message(report: &Report<'_>) -> Value {
    let case = report.case;
    let ended = end(report.deliveries);
    let faults = report.faults.iter().map(|fault| json!({"kind": fault.kind.word(), "what": fault.what}));
    json!({
        "message": {
            "line": case.line,
            "id": case.message.id,
            "ok": report.faults.is_empty(),
            "end": ended.map(|(_, end)| end_word(end)),
            "reason": ended.and_then(|(delivery, _)| delivery.reason.as_deref()),
            "deliveries": report.deliveries.iter().map(delivery).collect::<Vec<_>>(),
            "notes": report.notes(),
            "faults": faults.collect::<Vec<_>>(),
        }
    })
}

/// All of them.
pub fn summary(counts: &Counts, facts: &Facts) -> Value {
    let faults = FaultKind::ALL.into_iter().zip(counts.faults);
    let faults: serde_json::Map<String, Value> =
        faults.map(|(kind, count)| (kind.word().to_owned(), count.into())).collect();
    json!({
        "summary": {
            "messages": counts.messages,
            "failed": counts.failed,
            "deliveries": counts.deliveries,
            "crashes": counts.crashes,
            "outputs": counts.outputs,
            "commits": counts.commits,
            "dead_letters": counts.dead_letters,
            "faults": faults,
            "store": facts.store,
            "namespace": facts.namespace,
            "seed": facts.seed,
            "seconds": facts.took.as_secs_f64(),
        }
    })
}

fn delivery(delivery: &Delivery) -> Value {
    let commits = delivery
        .commits
        .iter()
        .map(|(key, receipt)| json!({"key": key, "receipt": bytes(receipt.as_deref())}));
    json!({
        "calls": delivery.calls.iter().map(call).collect::<Vec<_>>(),
        "crash": delivery.crash.map(Crash::word),
        "end": delivery.end.map(end_word),
        "reason": delivery.reason,
        "outputs": delivery.outputs.iter().map(|line| output(line)).collect::<Vec<_>>(),
        "commits": commits.collect::<Vec<_>>(),
    })
}

/// An output as a run would have written it.
fn output(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| line.into())
}

fn call(call: &Call) -> Value {
    let (end, why) = match &call.end {
        HandlerEnd::Ok => ("ok", None),
        HandlerEnd::Failed(why) => ("failed", Some(why)),
        HandlerEnd::OutOfTime(why) => ("out_of_time", Some(why)),
        HandlerEnd::Rejected(why) => ("rejected", Some(why)),
        HandlerEnd::Aborted => ("aborted", None),
    };
    let logs = call.logs.lines.iter().map(|line| json!({"level": line.level.as_str(), "text": line.text}));
    json!({
        "attempt": call.attempt,
        "end": end,
        "why": why,
        "keys": call.keys.iter().map(key).collect::<Vec<_>>(),
        "outputs": call.outputs.len(),
        "logs": logs.collect::<Vec<_>>(),
        "logs_dropped": call.logs.dropped,
    })
}

fn key(key: &AskedKey) -> Value {
    let (told, receipt, refusal) = match &key.told {
        Ok(Sighting::New) => ("new", None, None),
        Ok(Sighting::Duplicate(receipt)) => ("duplicate", receipt.as_deref(), None),
        Ok(Sighting::InFlight(_)) => ("in-flight", None, None),
        Err(SeenError::Refused(refusal)) => ("refused", None, Some(refusal.to_string())),
        Err(SeenError::Aborted) => ("aborted", None, None),
    };
    json!({
        "key": key.name,
        "told": told,
        "receipt": bytes(receipt),
        "refusal": refusal,
        "committed": key.commit.is_some(),
    })
}

/// Text, or base64 of what is none.
fn bytes(bytes: Option<&[u8]>) -> Value {
    use base64::Engine as _;
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => Value::Null,
        Some((Ok(text), _)) => text.into(),
        Some((Err(_), bytes)) => {
            json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
        }
    }
}
