//! For people: a block for each message, or a line.

use std::fmt::Write as _;

use oncegate_dedup::text::{self, shown};
use oncegate_dedup::{SeenError, Sighting};
use oncegate_sandbox::{Level, LogLine};

use super::{Counts, Facts, Report};
use crate::logs;
use crate::rehearsal::call::{AskedKey, Call, Emitted};
use crate::rehearsal::crash::Crash;
use crate::rehearsal::delivery::{Delivery, is_dead, is_duplicate};
use crate::rehearsal::judge::{FaultKind, end};
use crate::rehearsal::payload;
use crate::summary::{ENDS, End};

/// How much of a name is shown, in bytes.
const NAME_BYTES: usize = 80;
/// How many keys of a call are shown, how many outputs and how many log lines.
const MOST_KEYS: usize = 4;
const MOST_OUTPUTS: usize = 10;
const MOST_LOG_LINES: usize = 20;
/// How much of a log line is shown, in bytes; it is escaped already.
const LOG_LINE_BYTES: usize = 400;

/// A message in full: what its deliveries came to and why. Log lines of at least this level.
pub fn block(report: &Report<'_>, source: &str, level: Option<Level>) -> String {
    // Writing to a String cannot fail, here and below.
    let mut text = format!("{}\n", title(report, source));
    let mut logged = Vec::new();
    for (number, delivery) in (1..).zip(report.deliveries) {
        text.push_str(&calls(number, delivery, level, &mut logged));
        text.push_str(&effects(delivery));
    }
    for note in report.notes() {
        let _ = writeln!(text, "  note: {note}");
    }
    for fault in &report.faults {
        let _ = writeln!(text, "  FAILED ({}): {}", fault.kind.word(), fault.what);
    }
    if report.faults.is_empty() {
        let _ = writeln!(text, "  ok, {}", ended(report));
    }
    text
}

/// The calls of a delivery, those that were alike in one line. Log lines that are the same as those before, which are in
/// `logged`, are not shown again.
fn calls(number: u32, delivery: &Delivery, level: Option<Level>, logged: &mut Vec<String>) -> String {
    let mut text = String::new();
    let mut left = delivery.calls.as_slice();
    while let Some((call, others)) = left.split_first() {
        // The last call says what became of the delivery, and stands alone.
        let before_last = others.split_last().map_or(others, |(_, before)| before);
        let alike = before_last.iter().take_while(|other| is_alike(call, other)).count();
        left = others.get(alike..).unwrap_or_default();
        let attempt = match (alike, delivery.calls.len()) {
            (_, 1) => String::new(),
            (0, _) => format!(", attempt {}", call.attempt),
            (more, _) => format!(", attempts {} to {}", call.attempt, u64::from(call.attempt) + more as u64),
        };
        let became = if left.is_empty() { became(delivery, call) } else { tried_again(call) };
        let _ = writeln!(text, "  delivery {number}{attempt}: {}; {became}", keys(&call.keys));
        let lines = log_lines(call, level);
        if lines != *logged {
            for line in &lines {
                let _ = writeln!(text, "      {line}");
            }
            *logged = lines;
        }
    }
    text
}

/// A message in one line.
pub fn line(report: &Report<'_>, source: &str) -> String {
    format!("{}: ok, {}\n", title(report, source), ended(report))
}

/// All of them.
pub fn summary(counts: &Counts, facts: &Facts) -> String {
    let Counts { messages, failed, deliveries, crashes, outputs, commits, dead_letters, faults } = counts;
    let mut text = format!(
        "{}, {}, {}: {} and {} applied",
        many(*messages, "message"),
        match deliveries {
            1 => "1 delivery".to_owned(),
            more => format!("{more} deliveries"),
        },
        match crashes {
            1 => "1 crash".to_owned(),
            more => format!("{more} crashes"),
        },
        many(*outputs, "output"),
        many(*commits, "commit"),
    );
    if *failed == 0 {
        text.push_str(", each once");
    }
    let _ = write!(text, "; {}", many(*dead_letters, "dead letter"));
    for (kind, count) in FaultKind::ALL.into_iter().zip(faults).filter(|(_, count)| **count > 0) {
        let what = match kind {
            FaultKind::Twice => "with an effect that happened twice",
            FaultKind::Missing => "with an effect that is missing",
            FaultKind::Differs => "with other outputs on a second run",
            FaultKind::Dead => "given up",
            FaultKind::Unexpected => "otherwise than expected",
        };
        let _ = write!(text, "; {count} {what}");
    }
    let seed = facts.seed.map_or_else(String::new, |seed| format!(", shuffled with seed {seed}"));
    let _ = writeln!(text, " (store {}{seed}, {:.2} s)", facts.store, facts.took.as_secs_f64());
    text
}

/// Whether a second call says nothing that the first one did not.
fn is_alike(one: &Call, other: &Call) -> bool {
    let put_off = |call: &'_ Call| call.put_off_by().map(|key| key.name.clone());
    let is_same = || one.keys == other.keys && one.end == other.end && !one.is_ok();
    one.logs == other.logs && (is_same() || (put_off(one).is_some() && put_off(one) == put_off(other)))
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn title(report: &Report<'_>, source: &str) -> String {
    let message = &report.case.message;
    // An id that only says where the line stands says nothing.
    let is_given = message.id.strip_prefix(source).is_none_or(|rest| !rest.starts_with(':'));
    let id = if is_given { format!(", {}", name(&message.id)) } else { String::new() };
    format!("line {}{id}: {}", report.case.line, payload::excerpt(&message.payload))
}

fn name(name: &str) -> String {
    shown(name.as_bytes(), NAME_BYTES)
}

fn ended(report: &Report<'_>) -> String {
    match end(report.deliveries) {
        None => "without an end".to_owned(),
        Some((_, End::Applied)) => "applied once".to_owned(),
        Some((_, end)) if is_duplicate(end) => "a duplicate".to_owned(),
        Some((_, end)) => word(end).to_owned(),
    }
}

fn word(end: End) -> &'static str {
    ENDS[end as usize].1
}

/// What the handler was told of its keys.
fn keys(keys: &[AskedKey]) -> String {
    if keys.is_empty() {
        return "asks for no key".to_owned();
    }
    let told = |key: &AskedKey| {
        let told = match &key.told {
            Ok(Sighting::New) => "is new".to_owned(),
            Ok(Sighting::Duplicate(None)) => "was committed before".to_owned(),
            Ok(Sighting::Duplicate(Some(receipt))) => {
                format!("was committed before, receipt {}", payload::excerpt(receipt))
            }
            Ok(Sighting::InFlight(_)) => "is in flight elsewhere".to_owned(),
            Err(SeenError::Refused(refusal)) => format!("is refused: {}", name(&refusal.to_string())),
            Err(SeenError::Aborted) => "is not to be handled".to_owned(),
        };
        format!("{} {told}", key.name)
    };
    let mut texts: Vec<String> = keys.iter().take(MOST_KEYS).map(told).collect();
    if keys.len() > MOST_KEYS {
        texts.push(format!("and {} keys more", keys.len() - MOST_KEYS));
    }
    texts.join(", ")
}

/// What came of a call after which the delivery was made again.
fn tried_again(call: &Call) -> String {
    match call.failure() {
        Some(why) if call.put_off_by().is_none() => format!("failed: {why}; tried again"),
        _ => "put off; tried again".to_owned(),
    }
}

/// What came of the delivery by its last call.
fn became(delivery: &Delivery, call: &Call) -> String {
    let more = match delivery.more_calls {
        0 => String::new(),
        more => format!(", after {more} calls that are not shown"),
    };
    let became = match (delivery.crash, delivery.end) {
        (Some(Crash::BeforeSettle), _) => {
            let staged = match (call.outputs.len(), call.commits().count()) {
                (0, 0) => String::new(),
                (outputs, commits) => format!(
                    ", with {} and {} staged",
                    many(outputs as u64, "output"),
                    many(commits as u64, "commit")
                ),
            };
            format!("the host crashes before the settle{staged}: nothing is applied")
        }
        (_, Some(end)) => {
            let lost = match delivery.crash {
                Some(_) => ", and the host crashes before the acknowledgement",
                None => "",
            };
            format!("{}{lost}", ended_as(delivery, end))
        }
        (_, None) => call.failure().map_or_else(|| "no end".to_owned(), |why| format!("failed: {why}")),
    };
    format!("{became}{more}")
}

fn ended_as(delivery: &Delivery, end: End) -> String {
    match end {
        end if is_dead(end) => {
            format!(
                "dead letter: {}",
                delivery.reason.as_deref().unwrap_or("the one that was written before")
            )
        }
        end if is_duplicate(end) => "a duplicate, no effect".to_owned(),
        End::Unkeyed => "applied without a key".to_owned(),
        end => word(end).to_owned(),
    }
}

fn log_lines(call: &Call, least: Option<Level>) -> Vec<String> {
    let lines = call.logs.lines.iter().filter(|line| logs::is_shown(line.level, least));
    let shown =
        |line: &LogLine| format!("{}: {}", line.level.as_str(), text::line(&line.text, LOG_LINE_BYTES));
    let mut texts: Vec<String> = lines.map(shown).collect();
    let dropped = texts.len().saturating_sub(MOST_LOG_LINES) + call.logs.dropped as usize;
    texts.truncate(MOST_LOG_LINES);
    if dropped > 0 && least.is_some() {
        texts.push(format!("{dropped} log lines more"));
    }
    texts
}

/// What was applied.
fn effects(delivery: &Delivery) -> String {
    let mut text = String::new();
    if !delivery.outputs.is_empty() {
        let outputs = delivery.last_call().map(|call| call.outputs.as_slice()).unwrap_or_default();
        for Emitted { output, .. } in outputs.iter().take(MOST_OUTPUTS) {
            let key = output.key.as_ref().map_or_else(String::new, |key| format!(", key {}", name(key)));
            let (topic, payload) = (name(&output.topic), payload::excerpt(&output.payload));
            let _ = writeln!(text, "      output to {topic}{key}: {payload}");
        }
        if outputs.len() > MOST_OUTPUTS {
            let _ = writeln!(text, "      and {} outputs more", outputs.len() - MOST_OUTPUTS);
        }
    }
    for (key, receipt) in delivery.commits.iter().take(MOST_KEYS) {
        let receipt = receipt
            .as_ref()
            .map_or_else(String::new, |receipt| format!(", receipt {}", payload::excerpt(receipt)));
        let _ = writeln!(text, "      commit of {key}{receipt}");
    }
    if delivery.commits.len() > MOST_KEYS {
        let _ = writeln!(text, "      and {} commits more", delivery.commits.len() - MOST_KEYS);
    }
    text
}
