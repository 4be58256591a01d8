//! The gate's cache in front of a real Redis: what an operator forgets, and what a server forgets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use oncegate_dedup::conformance::{Cluster, Proxy, RedisServer, ServerOptions, block_on, new_store};
use oncegate_dedup::store::{Forgotten, RedisOptions, RedisStore, SettleOutcome, Store as _};
use oncegate_dedup::{
    DuplicateBy, Gate, HandlerEnd, Key, L1Limits, Namespace, Origin, Policy, SeenError, Sighting, SystemClock,
};
use oncegate_redis::redis::cmd;

const LONG_MS: u64 = 3_600_000;

/// A host: a gate and its store.
struct Host {
    gate: Arc<Gate>,
    store: Arc<RedisStore>,
}

fn options(url: &str) -> RedisOptions {
    let mut options = RedisOptions::parse(url).unwrap();
    options.patience = Duration::from_millis(500);
    options
}

fn key() -> Key {
    Key::new(&Namespace::new("cache").unwrap(), b"k")
}

impl Host {
    fn at(url: &str) -> Self {
        let store = Arc::new(RedisStore::connect(&new_store(options(url))).unwrap());
        let policy = Policy { in_flight_wait_ms: 0, ..Policy::new(Namespace::new("cache").unwrap()) };
        let clock = Arc::new(SystemClock);
        let gate = Gate::new(policy, L1Limits::default(), store.clone(), clock).unwrap();
        Self { gate, store }
    }

    fn seen(&self) -> (Result<Sighting, SeenError>, Option<DuplicateBy>) {
        let mut attempt = self.gate.attempt(Origin::of("s", "m"), None);
        let answer = block_on(attempt.seen(b"k"));
        let by = attempt.duplicate_by();
        let verdict = attempt.verdict(&HandlerEnd::Failed("only looking".into()), 0);
        block_on(self.gate.settle(attempt.end(&verdict)));
        (answer, by)
    }

    fn commit(&self) {
        let mut attempt = self.gate.attempt(Origin::of("s", "m"), None);
        assert_eq!(block_on(attempt.seen(b"k")), Ok(Sighting::New));
        attempt.commit(b"k", None).unwrap();
        let verdict = attempt.verdict(&HandlerEnd::Ok, 0);
        let outcome = block_on(self.gate.settle(attempt.end(&verdict)));
        assert_eq!(outcome, SettleOutcome::Applied { late: 0 });
        assert_eq!(self.seen(), (Ok(Sighting::Duplicate(None)), Some(DuplicateBy::L1)));
    }

    fn forget(&self) {
        assert_eq!(block_on(self.store.forget(&key(), None, LONG_MS)).unwrap(), Forgotten::Done);
    }

    /// Waits until the key is new again.
    fn soon_new(&self) {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            match self.seen().0 {
                Ok(Sighting::New) => return,
                other => assert!(Instant::now() < until, "{other:?}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn what_an_operator_forgets_on_one_host_is_gone_from_the_cache_of_another() {
    // Row 15, rule 19.
    let server = RedisServer::start(ServerOptions::default());
    let (running, operator) = (Host::at(&server.url()), Host::at(&server.url()));
    running.commit();
    operator.forget();
    running.soon_new();
}

#[test]
fn in_a_cluster_a_forget_reaches_every_host_whatever_nodes_it_is_connected_to() {
    let cluster = Cluster::start();
    let (running, operator) = (Host::at(&cluster.url()), Host::at(&cluster.url()));
    running.commit();
    operator.forget();
    running.soon_new();
}

#[test]
fn a_host_that_may_have_missed_a_forget_does_not_answer_from_its_cache() {
    // Rule 18: a lost channel is a lost connection.
    let server = RedisServer::start(ServerOptions::default());
    let proxy = Proxy::to(server.port());
    let (running, operator) = (Host::at(&proxy.url()), Host::at(&server.url()));
    running.commit();
    proxy.refuse(true);
    proxy.hang_up();
    let until = Instant::now() + Duration::from_secs(10);
    while running.store.cache_epoch().is_some() {
        assert!(Instant::now() < until, "nobody notices");
        std::thread::sleep(Duration::from_millis(1));
    }
    operator.forget();
    let (answer, by) = running.seen();
    assert!(matches!(answer, Err(SeenError::Refused(_))), "{answer:?} by {by:?}");
    proxy.refuse(false);
    running.soon_new();
}

#[test]
fn what_a_server_rolled_back_is_not_acknowledged_from_a_cache() {
    // Rule 18: the broker on the same server delivers it again.
    let mut server = RedisServer::start(ServerOptions::default());
    let host = Host::at(&server.url());
    cmd("SAVE").exec(&mut server.connection()).unwrap();
    host.commit();
    server.restart();
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match host.seen() {
            (Ok(Sighting::InFlight(_)), _) => break,
            // The connection's loss is not known yet, and an answer under way may be an old one.
            (Ok(Sighting::Duplicate(_)), Some(DuplicateBy::L1)) if host.store.cache_epoch() == Some(0) => {}
            (Err(_), _) => {}
            other => panic!("{other:?}"),
        }
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
}
