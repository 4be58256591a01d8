//! A name that one process holds at a time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use oncegate_redis::redis::cmd;
use oncegate_redis::testing::{RedisServer, ServerOptions};
use oncegate_redis::{NotYours, RedisOptions, Server, Tenure};

const LIFE: Duration = Duration::from_millis(800);
const PATIENCE: Duration = Duration::from_secs(20);

fn server(redis: &RedisServer) -> Arc<Server> {
    Server::connect(&RedisOptions::parse(&redis.url()).unwrap(), &[], None).unwrap()
}

fn take(server: &Arc<Server>, holder: &str) -> Result<(Tenure, Receiver<String>), NotYours> {
    let (say, said) = channel();
    let tenure = Tenure::take(server, "n", holder, LIFE, move |why| drop(say.send(why)))?;
    Ok((tenure, said))
}

#[test]
fn a_second_holder_is_refused_until_the_first_one_gives_the_name_up() {
    let redis = RedisServer::start(ServerOptions::default());
    let (a, b) = (server(&redis), server(&redis));
    let (first, lost) = take(&a, "a").unwrap();
    // Also after several times the time that it was taken for.
    for _ in 0..3 {
        let refused = take(&b, "b").unwrap_err();
        assert!(matches!(&refused, NotYours::Held { holder, .. } if holder == "a"), "{refused}");
        std::thread::sleep(LIFE);
    }
    drop(first);
    let (_second, _) = take(&b, "b").unwrap();
    assert!(lost.try_recv().is_err(), "given up is not lost");
}

#[test]
fn a_holder_whose_server_is_gone_for_too_long_hears_that_it_has_lost_the_name() {
    let redis = RedisServer::start(ServerOptions::default());
    let (tenure, lost) = take(&server(&redis), "a").unwrap();
    std::thread::sleep(2 * LIFE);
    assert!(!tenure.hold().is_over_in(Duration::ZERO), "it was renewed all the time");
    redis.stall();
    std::thread::sleep(LIFE);
    assert!(tenure.hold().is_over_in(Duration::ZERO), "known without an answer");
    let why = lost.recv_timeout(PATIENCE).unwrap();
    assert!(why.contains("could not be renewed in time"), "{why}");
    redis.go_on();
}

#[test]
fn a_holder_that_was_stopped_for_too_long_loses_the_name_to_whoever_took_it() {
    let redis = RedisServer::start(ServerOptions::default());
    let mut connection = redis.connection();
    let (tenure, lost) = take(&server(&redis), "a").unwrap();
    // As if its process had slept through its time: somebody else has the name by now.
    cmd("SET").arg("oncegate:held:n").arg("b").exec(&mut connection).unwrap();
    let why = lost.recv_timeout(PATIENCE).unwrap();
    assert!(why.contains("b holds it now"), "{why}");
    drop(tenure);
    let held: String = cmd("GET").arg("oncegate:held:n").query(&mut connection).unwrap();
    assert_eq!(held, "b", "whoever lost it does not give it up for another one");
}
