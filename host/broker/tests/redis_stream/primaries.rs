//! Streams of clusters, and behind sentinels: the primary that has a stream may be another one from now on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use oncegate_broker::{
    Acked, Closed, Delivery, Encoder as _, Output, RedisStreamSink, Sink as _, SinkError, StreamEncoder,
    StreamUrl, Ticket, Topics,
};
use oncegate_redis::testing::{Cluster, Sentinels};
use oncegate_redis::wait;

use crate::common::*;

/// The URL of a stream of these servers.
fn stream(servers: &str, name: &str, parameters: &str) -> StreamUrl {
    let servers = servers.replacen("redis://", "redis-stream://", 1);
    let (hosts, more) = servers.split_once('?').unwrap_or((&servers, ""));
    format!("{hosts}/{name}?{parameters}&{more}").parse().unwrap()
}

fn topics(names: &[&str]) -> Topics {
    Topics::Map(names.iter().map(|name| (name.to_string(), name.to_string())).collect::<BTreeMap<_, _>>())
}

fn append(sink: &mut RedisStreamSink, topics: &Topics, topic: &str, id: &str) {
    let mut bytes = Vec::new();
    let output = Output { id, topic, key: None, headers: &[], payload: b"p" };
    StreamEncoder::new(topics.clone()).output(&output, &mut bytes);
    sink.append(&bytes).unwrap();
}

/// Flushes until all is confirmed.
fn flush(sink: &mut RedisStreamSink) {
    eventually("all is appended", || match wait(sink.flush()) {
        Ok(()) => true,
        Err(SinkError::Unavailable { .. }) => false,
        Err(error) => panic!("{error}"),
    });
}

/// Receives until all of these ids were met, and acknowledges them.
fn read(source: &mut Reader, ids: &[String]) {
    let until = Instant::now() + PATIENCE;
    let mut missing: BTreeSet<String> = ids.iter().cloned().collect();
    let mut open: Vec<Ticket> = Vec::new();
    while !(missing.is_empty() && open.is_empty()) {
        assert!(Instant::now() < until, "{missing:?} {open:?}");
        if !missing.is_empty() {
            for delivery in source.receive(16).unwrap() {
                let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
                missing.remove(&message.id);
                open.push(ticket(&message));
            }
        }
        let acked = block_on(source.holding().acknowledge(&open));
        let mut acked = acked.into_iter();
        open.retain(|ticket| match acked.next().unwrap() {
            Acked::Done | Acked::Gone => {
                source.holding().ended(*ticket);
                false
            }
            Acked::Unavailable(_) => true,
            Acked::Lost => panic!("{ticket} is somebody else's"),
        });
    }
}

#[test]
fn streams_of_a_cluster_lie_on_any_of_its_primaries_and_may_move() {
    let cluster = Cluster::start();
    // One on each primary.
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for n in 0.. {
        let name = format!("s{n}");
        names.entry(cluster.holder(name.as_bytes())).or_insert(name);
        if names.len() == 3 {
            break;
        }
    }
    let names: Vec<&str> = names.values().map(String::as_str).collect();
    let topics = topics(&names);
    let url = stream(&cluster.url(), "", "");
    let mut sink = RedisStreamSink::open(&url, &topics).unwrap();
    let mut sources: Vec<_> = names
        .iter()
        .map(|name| {
            let url = stream(&cluster.url(), name, "group=g&start=0");
            Reader::open(&url, options(HOUR)).unwrap()
        })
        .collect();
    for round in 0..3 {
        let ids: Vec<String> = (0..100).map(|n| format!("{round}-{n}")).collect();
        for id in &ids {
            names.iter().for_each(|name| append(&mut sink, &topics, name, id));
        }
        flush(&mut sink);
        if round == 1 {
            let name = names[0].as_bytes();
            cluster.move_slot(name, (cluster.holder(name) + 1) % 3);
        }
        sources.iter_mut().for_each(|source| read(source, &ids));
    }
    for source in sources {
        assert_eq!(source.holding().figures().read, 300);
        assert_eq!(block_on(source.holding().close()), Closed::Removed);
    }
}

#[test]
fn a_promoted_replica_is_read_and_appended_to() {
    let sentinels = Sentinels::start();
    let url = stream(&sentinels.url(), "s", "group=g&start=0");
    let mut source = Reader::open(&url, options(HOUR)).unwrap();
    let topics = topics(&["s"]);
    let mut sink = RedisStreamSink::open(&stream(&sentinels.url(), "", ""), &topics).unwrap();
    for round in 0..2 {
        let ids: Vec<String> = (0..50).map(|n| format!("{round}-{n}")).collect();
        ids.iter().for_each(|id| append(&mut sink, &topics, "s", id));
        flush(&mut sink);
        read(&mut source, &ids);
        if round == 0 {
            // The replica has all of it: this is about finding it, not about what a failover loses.
            let primary = &sentinels.servers()[sentinels.primary()];
            let have: u64 = say(&mut primary.connection(), "WAIT 1 10000");
            assert_eq!(have, 1);
            sentinels.promote();
        }
    }
}
