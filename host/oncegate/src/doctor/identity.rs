//! The record by which hosts know a server again.

use oncegate_dedup::store::Sentinel;
use oncegate_redis::redis::{Value, cmd};

use super::Report;
use super::server::Info;
use crate::console::{Node, text};
use crate::settings::about;

/// Checks the sentinels of a server. `tag` is the hash tag that hosts use; with `lease_ms` they claim.
pub async fn check(node: &mut Node, info: &Info, tag: Option<&str>, lease_ms: u64, report: &mut Report) {
    let (mut found, mut missing) = (Vec::new(), 0);
    for name in Sentinel::names_on(&node.slots) {
        match node.ask(cmd("GET").arg(&name)).await {
            Ok(Value::Nil) => missing += 1,
            Ok(value) => match Sentinel::read(text(value).as_bytes()) {
                Ok(sentinel) => found.push(sentinel),
                Err(error) => {
                    return report
                        .fail(format!("{name}: {error}"), "do not write to this server before you know why");
                }
            },
            Err(why) => return report.unchecked("its sentinel is", &why),
        }
    }
    if missing > 0 {
        return report.fail(
            format!(
                "{missing} of its sentinels are missing, so hosts refuse it: it is new, or it was emptied"
            ),
            "if it is new, or if you accept that what it remembered is lost: oncegate store init --store URL",
        );
    }
    let now_ms = node.time_ms().await.unwrap_or(0);
    for sentinel in &found {
        if let Some(wrong) = tag.and_then(|tag| other_tag(sentinel, tag)) {
            return report.fail(wrong, "set store.hash_tag as the store has it: it cannot be changed later");
        }
    }
    let longest_ms = found.iter().map(|sentinel| sentinel.lease_ms).max().unwrap_or(0);
    if lease_ms > longest_ms {
        report.info(format!(
            "the longest lease that it knows is {}: the next host that connects makes it {}",
            about(longest_ms),
            about(lease_ms)
        ));
    }
    let hold_ms = found.iter().map(|sentinel| sentinel.hold_ms(now_ms)).max().unwrap_or(0);
    if hold_ms > 0 {
        return report.warn(
            format!(
                "it was restarted or promoted: for {} more, keys that could be had are taken for claimed",
                about(hold_ms)
            ),
            "nothing, but expect deliveries to wait that long",
        );
    }
    let run_id = info.get("run_id");
    if found.iter().any(|sentinel| run_id.is_some_and(|run_id| *run_id != sentinel.epoch.run_id)) {
        return report.warn(
            format!(
                "it was restarted or promoted since a host last saw it: for {} after the next one connects, keys that it \
                 does not hold are taken for claimed",
                about(longest_ms.max(lease_ms))
            ),
            "nothing, but expect deliveries to wait that long",
        );
    }
    report.ok("its sentinel is there, and of the server's present run");
}

fn other_tag(sentinel: &Sentinel, tag: &str) -> Option<String> {
    let said = |tag: &str| if tag.is_empty() { "none".to_owned() } else { format!("`{tag}`") };
    (sentinel.tag != tag).then(|| {
        format!("the store has the hash tag {}, and store.hash_tag is {}", said(&sentinel.tag), said(tag))
    })
}
