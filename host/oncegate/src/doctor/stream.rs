//! A stream and its group: is anybody reading it, and is anything lost?

use std::collections::HashMap;

use oncegate_broker::{Start, StreamUrl};
use oncegate_dedup::text::shown;
use oncegate_redis::redis::{Cmd, Value, cmd};

use super::Report;
use crate::letters::Line;
use crate::settings::about;

/// How long a consumer has not been heard of before its host is taken for gone, in milliseconds, if nothing says how often
/// it gives a sign.
const GONE_MS: u64 = 24 * 60 * 60 * 1000;

/// What is known of a stream that is read.
#[derive(Debug)]
pub struct Source<'a> {
    pub url: &'a StreamUrl,
    pub take_over_ms: u64,
    pub window_ms: u64,
    /// The group's name before a host's name was put behind it, under scope `host`.
    pub base_group: Option<&'a str>,
}

/// The names and values of what XINFO answers.
type About = HashMap<String, Value>;

/// Checks a stream that is read.
pub async fn check_source(line: &mut Line, source: &Source<'_>, report: &mut Report) {
    let Some(group) = source.url.group.as_deref() else {
        return report.fail("the URL names no group", "add ?group=NAME&start=0");
    };
    let stream = match stream(line, report).await {
        Ok(Some(stream)) => stream,
        Ok(None) => {
            return report.warn(
                "there is no such stream yet",
                "if its name is right, nothing: the first run makes it, and its group",
            );
        }
        Err(why) => return report.unchecked("the stream is", &why),
    };
    let groups = match lists(line, cmd("XINFO").arg("GROUPS").arg(line.stream())).await {
        Ok(groups) => groups,
        Err(why) => return report.unchecked("its groups are", &why),
    };
    match groups.iter().find(|found| text(found, "name") == group) {
        None => report.warn(
            format!("there is no group {group} yet: the first run makes it, {}", starts(source.url.start)),
            "if hosts have run already, somebody removed it, and what was pending is forgotten: make it again by hand \
             where it stood (XGROUP CREATE)",
        ),
        Some(found) => {
            report.ok(format!(
                "the group {group} is there; pending {}, not yet read {}",
                int(found, "pending"),
                found.get("lag").map_or("unknown".to_owned(), |lag| match lag {
                    Value::Int(lag) => lag.to_string(),
                    _ => "unknown".to_owned(),
                })
            ));
            losses(&stream, found, report);
            pending(line, group, &stream, source, report).await;
            consumers(line, group, source, report).await;
        }
    }
    if let Some(base) = source.base_group {
        idle_hosts(line, &groups, base, group, report).await;
    }
    retention(&stream, source.window_ms, report);
}

/// What XINFO STREAM says; none if there is no stream.
async fn stream(line: &mut Line, report: &mut Report) -> Result<Option<About>, String> {
    match ask(line, cmd("TYPE").arg(line.stream())).await?.as_deref() {
        Some("none") => return Ok(None),
        Some("stream") => {}
        other => {
            report.fail(
                format!("there is a {} under the stream's name", other.unwrap_or("value")),
                "name another stream, or remove it",
            );
            return Err("it is none".to_owned());
        }
    }
    let command = cmd("XINFO").arg("STREAM").arg(line.stream()).clone();
    let value = line.ask(&command).await.map_err(|error| format!("{error:#}"))?;
    about_one(value).map(Some).ok_or_else(|| "a strange answer".to_owned())
}

fn starts(start: Option<Start>) -> &'static str {
    match start {
        Some(Start::Next) => "with what arrives from then on",
        _ => "with the stream's first entry",
    }
}

fn losses(stream: &About, group: &About, report: &mut Report) {
    let (Value::Int(read), added, length) = (
        group.get("entries-read").cloned().unwrap_or(Value::Nil),
        int(stream, "entries-added"),
        int(stream, "length"),
    ) else {
        return;
    };
    let first = first_id(stream);
    let last = text(group, "last-delivered-id");
    let gone = added - length - read;
    if gone > 0 && first.is_none_or(|first| before(&last, &first)) {
        report.fail(
            format!("{gone} entries were trimmed or deleted before the group had read them: their messages are lost"),
            "trim less: keep what the slowest group has not read (XTRIM MINID with its last-delivered-id)",
        );
    }
}

async fn pending(line: &mut Line, group: &str, stream: &About, source: &Source<'_>, report: &mut Report) {
    let mut command = cmd("XPENDING");
    command.arg(line.stream()).arg(group).arg("-").arg("+").arg(1);
    if let (Ok(Value::Array(found)), Some(first)) = (line.ask(&command).await, first_id(stream)) {
        let lowest = found.into_iter().next().and_then(|entry| match entry {
            Value::Array(entry) => entry.into_iter().next().and_then(word),
            _ => None,
        });
        if let Some(lowest) = lowest.filter(|lowest| before(lowest, &first)) {
            report.fail(
                format!("the entry {lowest} is pending and was trimmed: its message is lost"),
                "trim less: keep what is pending (XTRIM MINID with the group's lowest pending id)",
            );
        }
    }
    let stale_ms = source.take_over_ms.saturating_mul(2);
    let mut command = cmd("XPENDING");
    command.arg(line.stream()).arg(group).arg("IDLE").arg(stale_ms).arg("-").arg("+").arg(100);
    if let Ok(Value::Array(found)) = line.ask(&command).await
        && !found.is_empty()
    {
        let many = if found.len() == 100 { "100 or more".to_owned() } else { found.len().to_string() };
        report.warn(
            format!(
                "{many} entries have been pending for more than twice the take-over time ({}) untouched",
                about(stale_ms)
            ),
            "start a host of this pipeline: it takes them over",
        );
    }
}

async fn consumers(line: &mut Line, group: &str, source: &Source<'_>, report: &mut Report) {
    let consumers = match lists(line, cmd("XINFO").arg("CONSUMERS").arg(line.stream()).arg(group)).await {
        Ok(consumers) => consumers,
        Err(why) => return report.unchecked("the consumers are", &why),
    };
    let idle_ms = |consumer: &About| u64::try_from(int(consumer, "idle")).unwrap_or(0);
    let (here, gone): (Vec<&About>, Vec<&About>) =
        consumers.iter().partition(|consumer| idle_ms(consumer) <= source.take_over_ms.saturating_mul(2));
    match here.len() {
        0 => report
            .warn(format!("no host reads the group {group} now"), "start one, if messages are to be handled"),
        count => report.ok(format!("{count} hosts read the group {group}")),
    }
    for consumer in gone.into_iter().filter(|consumer| int(consumer, "pending") > 0) {
        report.warn(
            format!(
                "the consumer {} has not been heard of for {} and has {} entries pending",
                shown(text(consumer, "name").as_bytes(), 100),
                about(idle_ms(consumer)),
                int(consumer, "pending")
            ),
            "its host is gone: any running host takes them over; never remove the consumer by hand, that drops them",
        );
    }
}

async fn idle_hosts(line: &mut Line, groups: &[About], base: &str, own: &str, report: &mut Report) {
    let names = groups.iter().map(|group| text(group, "name"));
    let hosts =
        names.filter(|name| name != own && name.strip_prefix(base).is_some_and(|rest| rest.starts_with('.')));
    for name in hosts.collect::<Vec<_>>() {
        let Ok(consumers) = lists(line, cmd("XINFO").arg("CONSUMERS").arg(line.stream()).arg(&name)).await
        else {
            continue;
        };
        let idle_ms =
            consumers.iter().map(|consumer| u64::try_from(int(consumer, "idle")).unwrap_or(0)).min();
        if idle_ms.is_none_or(|idle_ms| idle_ms > GONE_MS) {
            let since =
                idle_ms.map_or("has no consumer".to_owned(), |ms| format!("was last read {} ago", about(ms)));
            report.warn(
                format!("the group {} of another host of this pipeline {since}", shown(name.as_bytes(), 100)),
                "if that host does not come back, remove its group (XGROUP DESTROY) and forget its namespace's keys in \
                 their time: it keeps the stream from being trimmed",
            );
        }
    }
}

fn retention(stream: &About, window_ms: u64, report: &mut Report) {
    let (Some(first), last) = (first_id(stream), text(stream, "last-generated-id")) else { return };
    let age_ms = ms(&last).saturating_sub(ms(&first));
    if age_ms > window_ms {
        report.info(format!(
            "the stream goes back {}, and the window is {}: reading it again from its start would handle what is older \
             than the window a second time",
            about(age_ms),
            about(window_ms)
        ));
    }
}

/// Checks a stream of dead letters.
pub async fn check_letters(line: &mut Line, window_ms: u64, now_ms: u64, report: &mut Report) {
    let found = match stream(line, report).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return report.ok("there are no dead letters"),
        Err(why) => return report.unchecked("the dead letters are", &why),
    };
    let Some(first) = first_id(&found) else { return report.ok("there are no dead letters") };
    let (count, age_ms) = (int(&found, "length"), now_ms.saturating_sub(ms(&first)));
    let what = format!("there are {count} dead letters, the oldest {} old", about(age_ms));
    match age_ms > window_ms {
        true => report.warn(
            format!("{what}: older than the window ({})", about(window_ms)),
            "before you requeue them, consider that keys of that time are forgotten: a message whose effect has happened \
             otherwise has it again",
        ),
        false => report.warn(what, "look at them: oncegate dead list"),
    }
}

async fn ask(line: &mut Line, command: &Cmd) -> Result<Option<String>, String> {
    line.ask(command).await.map(word).map_err(|error| format!("{error:#}"))
}

async fn lists(line: &mut Line, command: &Cmd) -> Result<Vec<About>, String> {
    match line.ask(command).await.map_err(|error| format!("{error:#}"))? {
        Value::Array(values) => Ok(values.into_iter().filter_map(about_one).collect()),
        _ => Err("a strange answer".to_owned()),
    }
}

fn about_one(value: Value) -> Option<About> {
    match value {
        Value::Map(pairs) => {
            Some(pairs.into_iter().filter_map(|(name, value)| Some((word(name)?, value))).collect())
        }
        Value::Array(values) => {
            let mut values = values.into_iter();
            let mut about = About::new();
            while let (Some(name), Some(value)) = (values.next(), values.next()) {
                about.insert(word(name)?, value);
            }
            Some(about)
        }
        _ => None,
    }
}

fn word(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn text(about: &About, name: &str) -> String {
    about.get(name).cloned().and_then(word).unwrap_or_default()
}

fn int(about: &About, name: &str) -> i64 {
    match about.get(name) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    }
}

fn first_id(stream: &About) -> Option<String> {
    match stream.get("first-entry") {
        Some(Value::Array(entry)) => entry.first().cloned().and_then(word),
        _ => None,
    }
}

/// An id's numbers; nothing else is ever an id.
fn numbers(id: &str) -> (u64, u64) {
    let (ms, sequence) = id.split_once('-').unwrap_or((id, "0"));
    (ms.parse().unwrap_or(0), sequence.parse().unwrap_or(0))
}

fn ms(id: &str) -> u64 {
    numbers(id).0
}

fn before(id: &str, other: &str) -> bool {
    numbers(id) < numbers(other)
}
