//! A server's replicas: would a commit outlive its primary?

use super::Report;
use super::server::{Info, number};
use crate::console::Node;

/// How long ago a replica may have answered, in seconds.
const LAG_SECONDS: u64 = 10;

const ISOLATED: &str = "set min-replicas-to-write to at least 1: without it a primary that was cut off goes on taking \
                        claims and commits beside the one that was promoted, and they are lost";

/// Checks the replicas; `wanted` must have a commit.
pub async fn check(node: &mut Node, info: &Info, wanted: u32, report: &mut Report) {
    let wanted = u64::from(wanted);
    let connected = number(info, "connected_slaves").unwrap_or(0);
    let online = in_step(info, connected, report);
    if online < wanted {
        report.fail(
            format!(
                "it has {online} replicas in step, and store.replicas wants {wanted}: nothing is acknowledged"
            ),
            "bring replicas up, or lower store.replicas",
        );
    } else if connected == 0 {
        report.info("it has no replica: if the machine is lost, so is the memory of what has happened");
    } else {
        report.ok(format!("{online} replicas are in step, {wanted} are wanted"));
    }
    if connected > 0 || wanted > 0 {
        isolation(node, report).await;
    }
}

/// How many replicas are in step; what is wrong with the others is said.
fn in_step(info: &Info, connected: u64, report: &mut Report) -> u64 {
    let mut online = 0;
    for index in 0..connected {
        let Some(replica) = info.get(&format!("slave{index}")) else { continue };
        match Replica::read(replica) {
            Some(Replica { state: "online", lag_seconds, .. }) if lag_seconds <= LAG_SECONDS => online += 1,
            Some(Replica { address, state: "online", lag_seconds }) => report.warn(
                format!("its replica {address} has not answered for {lag_seconds} s"),
                "look into that replica's log and its network",
            ),
            Some(Replica { address, state, .. }) => report.warn(
                format!("its replica {address} is not in step yet ({state})"),
                "wait until it is; if it stays so, look into its log",
            ),
            None => {}
        }
    }
    online
}

/// Says whether sentinels would make another primary.
pub fn check_quorum(answer: Result<String, String>, report: &mut Report) {
    match answer {
        Ok(words) => report.ok(format!("the sentinels could agree on another primary ({words})")),
        Err(why) if why.starts_with("NOQUORUM") => report.fail(
            format!("the sentinels could not agree on another primary ({why})"),
            "start further sentinels, or lower their quorum",
        ),
        Err(why) => report.unchecked("the sentinels' quorum is", &why),
    }
}

async fn isolation(node: &mut Node, report: &mut Report) {
    match node.setting("min-replicas-to-write").await.as_deref() {
        Ok("0") => report.warn("min-replicas-to-write is 0", ISOLATED),
        Ok(number) => report.ok(format!("min-replicas-to-write is {number}")),
        Err(why) => report.unchecked("min-replicas-to-write is", why),
    }
}

struct Replica<'a> {
    address: String,
    state: &'a str,
    lag_seconds: u64,
}

impl<'a> Replica<'a> {
    /// Reads `ip=…,port=…,state=…,offset=…,lag=…`.
    fn read(text: &'a str) -> Option<Self> {
        let of = |name: &str| text.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        Some(Self {
            address: format!("{}:{}", of("ip")?, of("port")?),
            state: of("state")?,
            lag_seconds: of("lag")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_is_late_or_not_yet_in_step_does_not_count() {
        let replicas = [
            "ip=10.0.0.1,port=6379,state=online,offset=1,lag=1",
            "ip=10.0.0.2,port=6379,state=online,offset=1,lag=11",
            "ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0",
        ];
        let named = replicas.iter().enumerate();
        let info = named.map(|(index, text)| (format!("slave{index}"), (*text).to_owned())).collect();
        let mut report = Report::default();
        assert_eq!(in_step(&info, 3, &mut report), 1);
        let text = report.text();
        assert!(text.contains("10.0.0.2:6379 has not answered for 11 s"), "{text}");
        assert!(text.contains("10.0.0.3:6379 is not in step yet (wait_bgsave)"), "{text}");
        assert!(!text.contains("10.0.0.1"), "{text}");
    }
}
