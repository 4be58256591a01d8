//! A Redis server: would it keep what it was told?

use std::collections::HashMap;
use std::time::Instant;

use oncegate_dedup::{Clock as _, SystemClock};
use oncegate_redis::redis::cmd;

use super::{Report, replicas};
use crate::console::{Node, text};
use crate::settings::about;

/// The oldest version that is worked with.
const OLDEST_MAJOR: u32 = 7;

/// How often the way to the server and back is measured.
const PINGS: usize = 9;

/// By how much a server's clock may differ before it is worth a word.
const CLOCKS_MS: u64 = 1000;

/// What the pipelines want of a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wants {
    /// How many replicas must have a commit.
    pub replicas: u32,
    /// The shortest margin of any lease, in milliseconds.
    pub margin_ms: Option<u64>,
}

/// What INFO says.
pub type Info = HashMap<String, String>;

/// A number in INFO.
pub fn number(info: &Info, name: &str) -> Option<u64> {
    info.get(name)?.parse().ok()
}

/// Checks a server. Answers what it says of itself.
pub async fn check(node: &mut Node, wants: Wants, report: &mut Report) -> Info {
    let info = match node.info().await {
        Ok(info) => info,
        Err(why) => {
            report.warn(
                format!("the server does not say what it is ({why}): version, role, eviction and persistence are not checked"),
                "allow its user the command INFO",
            );
            return Info::new();
        }
    };
    version(&info, report);
    role(&info, report);
    eviction(&info, report);
    persistence(node, &info, report).await;
    replicas::check(node, &info, wants.replicas, report).await;
    if info.get("cluster_enabled").is_some_and(|enabled| enabled == "1") {
        cluster(node, report).await;
    }
    round_trip(node, wants.margin_ms, report).await;
    clock(node, report).await;
    info
}

fn version(info: &Info, report: &mut Report) {
    let Some(version) = info.get("redis_version") else {
        return report.unchecked("the version is", "the server does not tell it");
    };
    match version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major >= OLDEST_MAJOR => report.ok(format!("version {version}")),
        _ => report.fail(
            format!("its version is {version}"),
            format!("use Redis {OLDEST_MAJOR}.0 or later, or a Valkey: hosts refuse an older one"),
        ),
    }
}

fn role(info: &Info, report: &mut Report) {
    match info.get("role").map(String::as_str) {
        Some("master") => report.ok("it is a primary"),
        Some(_) => report.fail(
            "it is a replica",
            "name the primary, or the sentinels that know it: claims are made on a primary only",
        ),
        None => report.unchecked("the role is", "the server does not tell it"),
    }
}

fn eviction(info: &Info, report: &mut Report) {
    const TO_DO: &str = "set maxmemory-policy to noeviction: a record that is dropped under memory pressure makes its effect \
                         happen again";
    let has_limit = number(info, "maxmemory").unwrap_or(0) > 0;
    match info.get("maxmemory_policy").map(String::as_str) {
        Some("noeviction") => report.ok("maxmemory-policy is noeviction"),
        Some(policy) if has_limit => report.fail(format!("maxmemory-policy is {policy}"), TO_DO),
        Some(policy) => {
            report.warn(format!("maxmemory-policy is {policy}, though there is no maxmemory yet"), TO_DO);
        }
        None => report.unchecked("maxmemory-policy is", "the server does not tell it"),
    }
    if let Some(evicted @ 1..) = number(info, "evicted_keys") {
        report.warn(
            format!("it has dropped {evicted} keys under memory pressure since it was started"),
            "if records were among them, their effects may happen again: set maxmemory-policy to noeviction, and keep \
             caches on another server",
        );
    }
}

async fn persistence(node: &mut Node, info: &Info, report: &mut Report) {
    let is = |name: &str, value: &str| info.get(name).is_some_and(|found| found == value);
    let save = node.setting("save").await;
    if is("aof_enabled", "1") {
        append_only(node, info, report).await;
    } else {
        match &save {
            Ok(save) if save.is_empty() => report.fail(
                "it keeps nothing on disk: a restart comes up empty, and hosts then refuse it",
                "set appendonly yes and appendfsync always",
            ),
            Ok(save) => report.warn(
                format!(
                    "it keeps snapshots only (save {save}): a restart forgets all commits since the last one"
                ),
                "set appendonly yes and appendfsync always",
            ),
            Err(why) => {
                report.warn("the append-only file is off", "set appendonly yes and appendfsync always");
                report.unchecked("snapshots are", why);
            }
        }
    }
    if info.get("rdb_last_bgsave_status").is_some_and(|status| status != "ok") {
        let stops = node.setting("stop-writes-on-bgsave-error").await;
        let takes_snapshots = save.as_ref().is_ok_and(|save| !save.is_empty());
        match stops.as_deref() {
            Ok("yes") if takes_snapshots => report.fail(
                "its last snapshot failed, and stop-writes-on-bgsave-error is yes: it takes no claim and no commit",
                "look into the server's log; most often its disk is full, or fork needs vm.overcommit_memory = 1",
            ),
            _ => report.warn(
                "its last snapshot failed",
                "look into the server's log; most often its disk is full, or fork needs vm.overcommit_memory = 1",
            ),
        }
    }
}

async fn append_only(node: &mut Node, info: &Info, report: &mut Report) {
    match node.setting("appendfsync").await.as_deref() {
        Ok("always") => report.ok("the append-only file is synced with every write"),
        Ok("everysec") => report.warn(
            "the append-only file is synced once a second: a crash of the machine forgets up to a second of commits \
             that were acknowledged",
            "set appendfsync always, or have replicas confirm commits (store.replicas)",
        ),
        Ok(other) => report.warn(
            format!("appendfsync is {other}: a crash of the machine forgets as much as the system had not written yet"),
            "set appendfsync always",
        ),
        Err(why) => report.unchecked("appendfsync is", why),
    }
    for (name, what) in [
        ("aof_last_write_status", "the last write to its append-only file failed: it takes no commit"),
        ("aof_last_bgrewrite_status", "the last rewrite of its append-only file failed: the file grows"),
    ] {
        if info.get(name).is_some_and(|status| status != "ok") {
            let to_do = "look into the server's log; most often its disk is full";
            match name {
                "aof_last_write_status" => report.fail(what, to_do),
                _ => report.warn(what, to_do),
            }
        }
    }
}

async fn cluster(node: &mut Node, report: &mut Report) {
    let answer = match node.ask(cmd("CLUSTER").arg("INFO")).await {
        Ok(answer) => text(answer),
        Err(why) => return report.unchecked("the cluster is", &why),
    };
    let lines = answer.lines().filter_map(|line| line.trim_end().split_once(':'));
    let said: HashMap<&str, &str> = lines.collect();
    let of = |name: &str| said.get(name).copied().unwrap_or("unknown");
    match (of("cluster_state"), of("cluster_slots_assigned"), of("cluster_slots_ok")) {
        ("ok", "16384", "16384") => report.ok("the cluster serves all of its slots"),
        (state, assigned, served) => report.fail(
            format!("the cluster's state is {state}: {assigned} of 16384 slots have a primary, {served} are served"),
            "bring the primaries of the other slots back, or assign the slots (redis-cli --cluster fix)",
        ),
    }
}

async fn round_trip(node: &mut Node, margin_ms: Option<u64>, report: &mut Report) {
    let mut taken = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let begun = Instant::now();
        if let Err(why) = node.ask(&cmd("PING")).await {
            return report.unchecked("the way to the server is", &why);
        }
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    let median = taken.get(PINGS / 2).copied().unwrap_or_default();
    let what = format!("a question takes {:.1} ms", median.as_secs_f64() * 1000.0);
    // A settle may need several, some of them twice.
    let needed_ms = u64::try_from(median.as_millis()).unwrap_or(u64::MAX).saturating_mul(20);
    match margin_ms {
        Some(margin_ms) if margin_ms < needed_ms => report.warn(
            format!("{what}, and policy.margin is {}", about(margin_ms)),
            format!(
                "set policy.margin to at least {}, so that a settle ends before its lease does",
                about(needed_ms)
            ),
        ),
        _ => report.ok(what),
    }
}

async fn clock(node: &mut Node, report: &mut Report) {
    let Ok(theirs) = node.time_ms().await else { return };
    let apart_ms = theirs.abs_diff(SystemClock.wall_ms());
    if apart_ms > CLOCKS_MS {
        report.info(format!(
            "its clock and this machine's are {} apart: leases and windows go by the server's alone",
            about(apart_ms)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(pairs: &[(&str, &str)]) -> Info {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn said(check: impl Fn(&Info, &mut Report), pairs: &[(&str, &str)]) -> String {
        let mut report = Report::default();
        check(&info(pairs), &mut report);
        report.text()
    }

    #[test]
    fn an_old_server_and_a_replica_are_failures() {
        assert!(said(version, &[("redis_version", "6.2.14")]).starts_with("FAIL"));
        assert!(said(version, &[("redis_version", "255.255.255")]).starts_with("OK"));
        assert!(said(version, &[]).starts_with("INFO"));
        assert!(said(role, &[("role", "slave")]).contains("name the primary"));
    }

    #[test]
    fn eviction_is_a_failure_where_it_can_happen() {
        let evicts = [("maxmemory_policy", "allkeys-lru"), ("maxmemory", "1048576")];
        assert!(said(eviction, &evicts).starts_with("FAIL"));
        assert!(said(eviction, &[evicts[0], ("maxmemory", "0")]).starts_with("WARN"));
        let evicted = said(eviction, &[("maxmemory_policy", "noeviction"), ("evicted_keys", "3")]);
        assert!(evicted.starts_with("OK") && evicted.contains("WARN  : it has dropped 3 keys"), "{evicted}");
    }
}
