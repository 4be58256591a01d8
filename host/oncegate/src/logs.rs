//! The handler's log lines, on standard error.

use oncegate_dedup::text::shown;
use oncegate_sandbox::{Level, Limits, Logs};

/// How much of a message's id a line shows, in bytes.
const ID_BYTES: usize = 80;

/// Shows the lines of one invocation that matter enough. They are escaped already.
pub fn show(logs: &Logs, least: Option<Level>, limits: &Limits, message_id: &str) {
    let Some(least) = least else { return };
    let id = || shown(message_id.as_bytes(), ID_BYTES);
    for line in logs.lines.iter().filter(|line| rank(line.level) >= rank(least)) {
        eprintln!("[{}] {}: {}", line.level.as_str(), id(), line.text);
    }
    if let Some(note) = logs.note(limits) {
        eprintln!("[warn] {}: {note}", id());
    }
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
