//! Who may end an entry, and what keeps it.

use std::time::Duration;

use oncegate_broker::{Acked, Closed};
use oncegate_redis::redis::{self, Connection};

use crate::common::*;

/// Gives the entry to another consumer, as a host that takes over would.
fn steal(connection: &mut Connection, id: &str) {
    let taken: Vec<String> = say(connection, &format!("XCLAIM s g thief 0 {id} RETRYCOUNT 2 JUSTID"));
    assert_eq!(taken, [id]);
}

#[test]
fn an_entry_that_is_ours_is_acknowledged_once() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    add(&server, ["a"]);
    let message = receive(&mut source, 1).remove(0);
    assert_eq!(acknowledge(&holding, ticket(&message)), Acked::Done);
    assert_eq!(pending(&server), []);
    assert_eq!(acknowledge(&holding, ticket(&message)), Acked::Gone);
    assert_eq!(holding.held(), 1);
    holding.ended(ticket(&message));
    assert_eq!(holding.held(), 0);
}

#[test]
fn an_entry_that_somebody_else_took_is_not_acknowledged() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    let ids = add(&server, ["a", "b"]);
    let messages = receive(&mut source, 2);
    ids.iter().for_each(|id| steal(&mut server.connection(), id));
    // Redis itself would.
    let ended: u64 = say(&mut server.connection(), &format!("XACK s g {}", ids[0]));
    assert_eq!(ended, 1);
    assert_eq!(acknowledge(&holding, ticket(&messages[1])), Acked::Lost);
    assert_eq!(pending(&server), [(ids[1].clone(), "thief".to_owned(), 2)]);
    assert!(holding.is_lost(ticket(&messages[1])));
}

#[test]
fn an_entry_that_was_handed_to_us_again_ends_with_its_last_hand_over_only() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    let ids = add(&server, ["a"]);
    let message = receive(&mut source, 1).remove(0);
    // Redis hands a consumer its own running entry.
    let consumer = holding.consumer().to_owned();
    let _: redis::Value = say(&mut server.connection(), &format!("XAUTOCLAIM s g {consumer} 0 -"));
    assert_eq!(acknowledge(&holding, ticket(&message)), Acked::Lost);
    assert_eq!(pending(&server), [(ids[0].clone(), consumer, 2)]);
    // It is not handed out while its first hand-over is still being handled, and is once that has ended.
    receive_nothing(&mut source, Duration::from_millis(2500));
    holding.ended(ticket(&message));
    let again = receive(&mut source, 1).remove(0);
    assert_eq!((ticket(&again).entry, ticket(&again).count), (ticket(&message).entry, 2));
    assert_eq!(acknowledge(&holding, ticket(&again)), Acked::Done);
}

#[test]
fn what_is_held_for_long_is_not_taken_over_while_its_host_lives_and_is_when_it_does_not() {
    let server = server();
    let takeover_idle = Duration::from_millis(600);
    let mut source = open(&server, takeover_idle);
    let mut other = open(&server, takeover_idle);
    add(&server, ["a", "b", "c"]);
    let held = receive(&mut source, 3);
    let consumer = source.holding().consumer().to_owned();
    receive_nothing(&mut other, takeover_idle * 5);
    let counts: Vec<_> = pending(&server).into_iter().map(|(_, consumer, count)| (consumer, count)).collect();
    assert_eq!(counts, vec![(consumer, 1); 3], "keeping an entry fresh is no hand-over");
    assert!(held.iter().all(|message| !source.holding().is_lost(ticket(message))));

    drop(source);
    let taken = receive(&mut other, 3);
    assert!(taken.iter().all(|message| ticket(message).count == 2), "{taken:?}");
    assert_eq!(other.holding().figures().taken_over, 3);
    finish(&other.holding(), &taken);
    assert_eq!(pending(&server), []);
}

#[test]
fn what_somebody_else_has_is_known_as_lost_and_not_taken_back() {
    let server = server();
    let mut source = open(&server, Duration::from_millis(400));
    let holding = source.holding();
    let ids = add(&server, ["a", "b"]);
    let messages = receive(&mut source, 2);
    steal(&mut server.connection(), &ids[0]);
    eventually("the loss is known", || holding.is_lost(ticket(&messages[0])));
    assert!(!holding.is_lost(ticket(&messages[1])));
    assert_eq!(holding.figures().lost, 1);
    assert_eq!(pending(&server)[0], (ids[0].clone(), "thief".to_owned(), 2));
    // The thief dies; as long as we still handle its entry, we do not take it over.
    receive_nothing(&mut source, Duration::from_millis(1200));
    holding.ended(ticket(&messages[0]));
    let again = receive(&mut source, 1).remove(0);
    assert_eq!((again.id.as_str(), ticket(&again).count), (ids[0].as_str(), 3));
}

#[test]
fn what_a_settle_found_lost_is_known_as_lost() {
    let server = server();
    let mut source = open(&server, HOUR);
    let holding = source.holding();
    add(&server, ["a"]);
    let message = receive(&mut source, 1).remove(0);
    assert!(!holding.is_lost(ticket(&message)));
    holding.lose(ticket(&message));
    holding.lose(ticket(&message));
    assert!(holding.is_lost(ticket(&message)));
    assert_eq!((holding.figures().lost, holding.held()), (1, 1));
}

#[test]
fn an_entry_that_is_still_handled_here_is_not_taken_over_here() {
    let server = server();
    let mut source = open(&server, HOUR);
    let ids = add(&server, ["a"]);
    receive(&mut source, 1);
    // It looks left behind, as after a pause of the whole process.
    let consumer = source.holding().consumer().to_owned();
    let stale = format!("XCLAIM s g {consumer} 0 {} IDLE 7200000 JUSTID", ids[0]);
    let _: redis::Value = say(&mut server.connection(), &stale);
    receive_nothing(&mut source, Duration::from_millis(2500));
    assert_eq!(pending(&server), [(ids[0].clone(), consumer, 1)]);
}

#[test]
fn no_more_is_read_than_may_be_held() {
    let server = server();
    let options = oncegate_broker::SourceOptions { most_held: 3, ..options(HOUR) };
    let mut source = Reader::open(&url(&server), options).unwrap();
    let holding = source.holding();
    add(&server, (0..5).map(|n| n.to_string()));
    let messages = receive(&mut source, 3);
    assert_eq!(source.receive(256).unwrap(), []);
    assert_eq!((holding.held(), pending(&server).len()), (3, 3));
    holding.ended(ticket(&messages[1]));
    let next = source.receive(256).unwrap();
    assert_eq!((next.len(), holding.held()), (1, 3));
}

#[test]
fn what_is_handed_back_is_there_for_others_at_once_and_does_not_count() {
    let server = server();
    let mut source = open(&server, HOUR);
    let mut other = open(&server, HOUR);
    add(&server, ["a", "b", "c"]);
    let messages = receive(&mut source, 3);
    let holding = source.holding();
    let ids: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
    steal(&mut server.connection(), &ids[2]);
    block_on(holding.hand_back(&tickets(&messages)));
    assert_eq!(holding.held(), 0);
    // Nothing is pending for it any more: its consumer need not wait for somebody to take them.
    assert_eq!(block_on(holding.close()), Closed::Removed);
    let taken = receive(&mut other, 2);
    assert_eq!(taken.iter().map(payload).collect::<Vec<_>>(), ["a", "b"]);
    assert!(taken.iter().all(|message| ticket(message).count == 1), "{taken:?}");
    // What was not ours any more was left alone.
    assert_eq!(pending(&server)[2], (ids[2].clone(), "thief".to_owned(), 2));
}

#[test]
fn what_was_trimmed_while_its_host_handles_it_can_still_be_acknowledged() {
    let server = server();
    let takeover_idle = Duration::from_millis(600);
    let mut source = open(&server, takeover_idle);
    let mut other = open(&server, takeover_idle);
    add(&server, ["a"]);
    let message = receive(&mut source, 1).remove(0);
    let _: u64 = say(&mut server.connection(), "XTRIM s MAXLEN 0");
    // Whoever claims it, its owner included, would drop it.
    receive_nothing(&mut other, takeover_idle * 5);
    assert_eq!(acknowledge(&source.holding(), ticket(&message)), Acked::Done);
    assert_eq!(other.holding().figures().trimmed_pending, 0);
}
