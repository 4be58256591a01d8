//! How much memory a rate and a window need.

use oncegate_redis::redis::{Value, cmd, from_redis_value};

use super::Report;
use super::server::{Info, number};
use crate::console::Node;
use crate::settings::{about, bytes_text};

/// What a record takes with a key of 18 bytes and no receipt, as `MEMORY USAGE` says it, where there is none to measure.
const USUAL_BYTES: u64 = 168;

/// What Redis keeps of a key with a time to live besides that: its place in two tables.
const TABLE_BYTES: u64 = 64;

/// How many records are measured at most.
const SAMPLE: usize = 50;

/// How many names are looked at for that: a step of so many names takes the server a millisecond or so.
const STEP: usize = 1000;

/// How many steps are made at most.
const STEPS: usize = 20;

/// Keys that come and how long they stay.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// New keys a second, on all servers together.
    pub keys_per_second: f64,
    /// How long each is remembered, in milliseconds.
    pub window_ms: u64,
    /// How many primaries share them.
    pub primaries: usize,
}

/// Checks whether a server has the memory that a load needs; without a load says what a key takes.
pub async fn check(node: &mut Node, info: &Info, load: Option<Load>, report: &mut Report) {
    let measured = sample(node).await;
    let (bytes, how) = match measured {
        Some((bytes, count)) => (bytes + TABLE_BYTES, format!("measured on {count} records")),
        None => (USUAL_BYTES + TABLE_BYTES, "as usual, there being no record to measure".to_owned()),
    };
    let Some(load) = load else {
        return report.info(format!(
            "a key takes {bytes} bytes of memory, {how}; with --rate this says what a window needs"
        ));
    };
    let keys = load.keys_per_second * load.window_ms as f64 / 1000.0 / load.primaries.max(1) as f64;
    // Beyond what a float holds exactly nobody counts bytes.
    let needed = (keys * bytes as f64) as u64;
    let shared = match load.primaries {
        0 | 1 => String::new(),
        primaries => format!(" / {primaries} primaries"),
    };
    let formula = format!(
        "{} keys/s × {}{shared} × {bytes} bytes ({how}) = {}",
        load.keys_per_second,
        about(load.window_ms),
        rounded(needed)
    );
    let used = number(info, "used_memory").unwrap_or(0);
    let (limit, name) = match number(info, "maxmemory") {
        Some(limit @ 1..) => (limit, "maxmemory"),
        _ => (number(info, "total_system_memory").unwrap_or(0), "the machine's memory"),
    };
    let figures = format!("{name} is {}, of which {} are used now", rounded(limit), rounded(used));
    match limit {
        0 => report.info(format!("the window needs {formula}; how much there is, the server does not tell")),
        limit if needed > limit => report.fail(
            format!("the window needs more than there is: {formula}; {figures}"),
            "shorten the window, or give the server more memory: a server that is full takes no claim",
        ),
        // A copy for a snapshot, a rewrite or a new replica may need as much again for what changes meanwhile.
        limit if needed > limit / 2 => report.warn(
            format!("the window needs more than half of what there is: {formula}; {figures}"),
            "leave room for snapshots and new replicas, which copy what changes meanwhile",
        ),
        _ => report.ok(format!("the window needs {formula}; {figures}")),
    }
}

/// What a record takes on average, as the server measures it, and how many were measured.
async fn sample(node: &mut Node) -> Option<(u64, u64)> {
    let (mut cursor, mut names) = (0_u64, Vec::new());
    for _ in 0..STEPS {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg("oncegate:1:*").arg("COUNT").arg(STEP);
        let found: (u64, Vec<Vec<u8>>) = from_redis_value(node.ask(&scan).await.ok()?).ok()?;
        names.extend(found.1);
        cursor = found.0;
        if cursor == 0 || names.len() >= SAMPLE {
            break;
        }
    }
    names.truncate(SAMPLE);
    let (mut bytes, mut count) = (0, 0);
    for name in names {
        if let Ok(Value::Int(usage @ 1..)) = node.ask(cmd("MEMORY").arg("USAGE").arg(name)).await {
            bytes += usage.unsigned_abs();
            count += 1;
        }
    }
    (count > 0).then(|| (bytes / count, count))
}

/// Bytes for people: three digits are enough.
fn rounded(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => format!("{:.1} {unit}", bytes as f64 / (1_u64 << shift) as f64),
        None => bytes_text(bytes),
    }
}
