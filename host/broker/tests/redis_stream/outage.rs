//! Connections that are cut, servers that are killed: nothing is lost by them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oncegate_broker::{Delivery, Event};
use oncegate_redis::redis;
use oncegate_redis::testing::{Cut, Proxy, RedisServer, ServerOptions};

use crate::common::*;

#[test]
fn entries_whose_reply_was_lost_are_found_again_and_count_once() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    add(&server, ["a", "b", "c"]);
    let held = receive(&mut source, 3);
    add(&server, ["d", "e"]);
    // Read in our name, and nobody heard the reply.
    let read = format!("XREADGROUP GROUP g {} COUNT 2 STREAMS s >", holding.consumer());
    let _: redis::Value = say(&mut server.connection(), &read);
    let found = receive(&mut source, 2);
    assert_eq!(found.iter().map(payload).collect::<Vec<_>>(), ["d", "e"]);
    assert!(found.iter().all(|message| ticket(message).count == 1), "{found:?}");
    assert_eq!((holding.figures().recovered, holding.figures().taken_over), (2, 0));
    let counts: Vec<_> = pending(&server).into_iter().map(|(_, _, count)| count).collect();
    assert_eq!(counts, [1; 5], "looking for them handed nothing out again");

    // Trimmed before they were found: there is nobody who could still handle them.
    let ids = add(&server, ["f"]);
    let _: redis::Value = say(&mut server.connection(), &read);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 0");
    let lost = |event: &Event| matches!(event, Event::TrimmedPending { id, .. } if *id == ids[0]);
    let until = Instant::now() + PATIENCE;
    while !holding.events().iter().any(lost) {
        assert!(Instant::now() < until, "it was never found");
        receive_nothing(&mut source, Duration::from_millis(1));
    }
    finish(&holding, &held);
    finish(&holding, &found);
    assert_eq!(pending(&server), []);
}

/// Receives and acknowledges until all of so many were met; how often each was.
fn read_all(source: &mut Reader, count: usize, mut met: impl FnMut(usize)) -> BTreeMap<String, u32> {
    let holding = source.holding();
    let until = Instant::now() + PATIENCE;
    let mut times = BTreeMap::new();
    let mut open = Vec::new();
    while times.len() < count || !open.is_empty() {
        assert!(Instant::now() < until, "only {} of {count}", times.len());
        if times.len() < count {
            for delivery in source.receive(7).unwrap() {
                let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
                *times.entry(payload(&message).to_owned()).or_insert(0) += 1;
                open.push(ticket(&message));
            }
            met(times.len());
        }
        let acked = block_on(holding.acknowledge(&open));
        let mut left = Vec::new();
        for (ticket, acked) in open.into_iter().zip(acked) {
            match acked {
                oncegate_broker::Acked::Done | oncegate_broker::Acked::Gone => holding.ended(ticket),
                oncegate_broker::Acked::Unavailable(_) => left.push(ticket),
                oncegate_broker::Acked::Lost => panic!("{ticket} is somebody else's"),
            }
        }
        open = left;
    }
    times
}

#[test]
fn connections_that_are_killed_all_the_time_lose_nothing_and_double_nothing() {
    let server = server();
    let mut source = open(&server, HOUR);
    // Whoever appends is of another user, and spared.
    let _: String = say(&mut server.connection(), "ACL SETUSER producer on >p ~* &* +@all");
    let url = format!("redis://producer:p@{}", server.address());
    let mut producer = redis::Client::open(url).unwrap().get_connection().unwrap();
    let (count, began) = (400, Instant::now());
    let done = AtomicBool::new(false);
    let times = std::thread::scope(|scope| {
        let (server, done) = (&server, &done);
        scope.spawn(move || {
            for n in 0..count {
                let _: String = say(&mut producer, &format!("XADD s * payload {n}"));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(move || {
            while !done.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
                let _: u64 = say(&mut server.connection(), "CLIENT KILL USER default");
                std::thread::sleep(Duration::from_millis(40));
            }
        });
        let times = read_all(&mut source, count, |_| {});
        done.store(true, Ordering::SeqCst);
        times
    });
    assert!(times.values().all(|&times| times == 1), "{times:?}");
    let events = source.holding().events();
    assert!(events.iter().any(|event| matches!(event, Event::Away { .. })), "no connection was cut");
}

#[test]
fn what_comes_over_a_new_connection_comes_after_the_loss_was_counted() {
    // Rule 18: whoever has a cache in front of a store in the same place has to know before it sees the delivery.
    let server = server();
    let mut source = open(&server, HOUR);
    let mut held = Vec::new();
    let mut connection = server.connection();
    let mut reconnects = Vec::new();
    for (payload, lost) in [("a", false), ("b", false), ("c", true), ("d", false)] {
        if lost {
            let _: u64 = say(&mut connection, "CLIENT KILL TYPE normal SKIPME yes");
        }
        add(&server, [payload]);
        held.extend(receive(&mut source, 1));
        reconnects.push(source.reconnects());
    }
    assert!(reconnects[0] == reconnects[1] && reconnects[1] < reconnects[2], "{reconnects:?}");
}

fn open_through(proxy: &Proxy, takeover_idle: Duration) -> Reader {
    let url = format!("redis-stream://{}/s?group=g&start=0", proxy.address());
    Reader::open(&url.parse().unwrap(), options(takeover_idle)).unwrap()
}

#[test]
fn reads_and_acknowledgements_whose_replies_are_cut_lose_nothing_and_double_nothing() {
    let server = server();
    let proxy = Proxy::to(server.port());
    let mut source = open_through(&proxy, HOUR);
    for command in ["XREADGROUP", "EVALSHA"] {
        add(&server, (0..60).map(|n| n.to_string()));
        proxy.cut_at(command, Cut::Reply, 3);
        let times = read_all(&mut source, 60, |_| {});
        proxy.cut_nothing();
        assert!(times.values().all(|&times| times == 1), "{command}: {times:?}");
        assert_eq!(pending(&server), []);
    }
    let figures = source.holding().figures();
    assert!(figures.recovered > 0 && figures.lost == 0, "{figures:?}");
}

#[test]
fn what_was_taken_over_by_a_call_whose_reply_was_cut_is_handed_out_and_counts_once() {
    let server = server();
    let proxy = Proxy::to(server.port());
    let mut source = open_through(&proxy, HOUR);
    let ids = add(&server, (0..20).map(|n| n.to_string()));
    let _: redis::Value = say(&mut server.connection(), "XREADGROUP GROUP g dead COUNT 20 STREAMS s >");
    let stale = format!("XCLAIM s g dead 0 {} IDLE 7200000 JUSTID", ids.join(" "));
    let _: redis::Value = say(&mut server.connection(), &stale);
    // Not every third: a round is three calls, and always the same one would be cut.
    proxy.cut(Cut::Reply, 4);
    let mut met = Vec::new();
    let until = Instant::now() + PATIENCE;
    while met.len() < 20 {
        assert!(Instant::now() < until, "{met:?}");
        for delivery in source.receive(1).unwrap() {
            let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
            assert_eq!(ticket(&message).count, 2);
            met.push(message.id);
        }
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met.len(), 20);
    let figures = source.holding().figures();
    assert!(figures.recovered > 0 && figures.taken_over > 0, "{figures:?}");
}

#[test]
fn a_server_that_is_killed_and_started_again_loses_nothing() {
    let mut server = RedisServer::start(ServerOptions { durable: true, ..ServerOptions::default() });
    let mut source = open(&server, HOUR);
    let count = 300;
    add(&server, (0..count).map(|n| n.to_string()));
    let mut restarts = 0;
    let times = read_all(&mut source, count, |met| {
        if met > (restarts + 1) * count / 4 {
            restarts += 1;
            server.restart();
        }
    });
    assert!(restarts >= 2, "{restarts}");
    assert!(times.values().all(|&times| times == 1), "{times:?}");
    let events = source.holding().events();
    assert!(events.iter().any(|event| matches!(event, Event::Away { .. })), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Back { .. })), "{events:?}");
    assert_eq!(pending(&server), []);
}

#[test]
fn an_outage_ends_no_source_and_lets_it_be_stopped() {
    let mut server = server();
    let mut source = open(&server, HOUR);
    server.kill();
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(source.receive(1).unwrap(), []);
    }
    assert!(began.elapsed() < PATIENCE);
    let away = source.holding().events();
    assert!(matches!(away.as_slice(), [Event::Away { .. }]), "told once: {away:?}");
    // It comes back without the group: that is no outage.
    server.restart();
    let until = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < until);
        match source.receive(1) {
            Ok(batch) => assert_eq!(batch, []),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("NOGROUP"), "{error}");
}

#[test]
fn a_server_that_is_away_at_the_start_is_said_to_be_away() {
    let mut server = server();
    let url = url(&server);
    server.kill();
    match Reader::open(&url, options(HOUR)) {
        Err(error @ oncegate_broker::SourceError::Away { .. }) => {
            assert!(error.to_string().contains(&server.address()), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
