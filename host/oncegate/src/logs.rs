//! The handler's log lines, and the host's beside them, on standard error.

use oncegate_dedup::text::{line, shown};
use oncegate_sandbox::{Level, Limits, Logs};

/// How much of a message's id a line shows, in bytes.
const ID_BYTES: usize = 80;

/// How much of a cause, in bytes.
const CAUSE_BYTES: usize = 2048;

/// Shows the lines of one invocation that matter enough. They are escaped already.
pub fn show(logs: &Logs, least: Option<Level>, limits: &Limits, message_id: &str) {
    let Some(least) = least else { return };
    let id = || shown(message_id.as_bytes(), ID_BYTES);
    for line in logs.lines.iter().filter(|line| is_shown(line.level, Some(least))) {
        eprintln!("[{}] {}: {}", line.level.as_str(), id(), line.text);
    }
    if let Some(note) = logs.note(limits) {
        eprintln!("[warn] {}: {note}", id());
    }
}

/// Says that a message ran twice, if the host's own lines of that level are wanted beside the handler's.
pub fn recycled(why: &str, least: Option<Level>, message_id: &str) {
    say(Level::Info, least, message_id, &format!("ran again in a fresh instance: {why}"));
}

/// Says why the handler failed on a message that it will be given again.
pub fn failed(why: &str, least: Option<Level>, message_id: &str) {
    say(Level::Warn, least, message_id, &format!("failed, and is made again: {why}"));
}

fn say(level: Level, least: Option<Level>, message_id: &str, text: &str) {
    if is_shown(level, least) {
        let id = shown(message_id.as_bytes(), ID_BYTES);
        // Escaped where it came from.
        eprintln!("[{}] {id}: {}", level.as_str(), line(text, CAUSE_BYTES));
    }
}

/// Whether a line of this level matters enough.
pub fn is_shown(level: Level, least: Option<Level>) -> bool {
    least.is_some_and(|least| rank(level) >= rank(least))
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
}
