//! What the Redis store makes of lost replies, lost servers and servers that cannot.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use oncegate_dedup::conformance::{Cut, Proxy, RedisServer, ServerOptions, block_on, new_store};
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, Forgotten, Granted, KeySettle, RedisOptions, RedisStore,
    RedisStoreOptions, SettleOutcome, Settlement, Store as _, StoreError,
};
use oncegate_dedup::{AttemptId, Clock as _, Fence, Key, Namespace, Origin, State, SystemClock};
use oncegate_redis::redis;

const LONG_MS: u64 = 3_600_000;
const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };

fn key(name: &str) -> Key {
    Key::new(&Namespace::new("faults").unwrap(), name.as_bytes())
}

fn claim(name: &str, attempt: AttemptId) -> Claim {
    Claim {
        key: key(name),
        attempt,
        fingerprint: None,
        lease_ms: LONG_MS,
        keep_ms: LONG_MS,
        suspect_after: 20,
        alone: false,
    }
}

fn drawn() -> AttemptId {
    SystemClock.attempt_id()
}

fn ask(store: &RedisStore, claim: &Claim) -> ClaimOutcome {
    block_on(store.claim(std::slice::from_ref(claim))).pop().unwrap()
}

fn granted(store: &RedisStore, claim: &Claim) -> Granted {
    match ask(store, claim) {
        ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => granted,
        other => panic!("{other:?}"),
    }
}

fn settle(store: &RedisStore, claim: &Claim, granted: &Granted, action: Action) -> SettleOutcome {
    let end = KeySettle { key: claim.key.clone(), fence: granted.fence, fingerprint: None, action };
    block_on(store.settle(&[Settlement { keys: vec![end], absent: Absent::Refuse }])).pop().unwrap()
}

fn commit(receipt: &str) -> Action {
    Action::Commit { receipt: Some(receipt.as_bytes().to_vec()), window_ms: LONG_MS }
}

fn release(failed: bool) -> Action {
    Action::Release { failed, error: String::new(), keep_ms: LONG_MS }
}

fn die() -> Action {
    Action::Die { reason: "hopeless".to_owned(), origin: Origin::of("s", "1"), window_ms: LONG_MS }
}

fn started() -> (RedisServer, RedisStore) {
    let server = RedisServer::start(ServerOptions::default());
    let store = RedisStore::connect(&new_store(RedisOptions::parse(&server.url()).unwrap())).unwrap();
    (server, store)
}

#[test]
fn a_cut_call_is_asked_again_and_counts_once() {
    let server = RedisServer::start(ServerOptions::default());
    let proxy = Proxy::to(server.port());
    let store = RedisStore::connect(&new_store(RedisOptions::parse(&proxy.url()).unwrap())).unwrap();
    for what in [Cut::Reply, Cut::Request] {
        let name = format!("{what:?}");
        let asked = claim(&name, drawn());
        proxy.cut(what, 0);
        let granted = match (what, ask(&store, &asked)) {
            (Cut::Reply, ClaimOutcome::Owned(granted)) | (Cut::Request, ClaimOutcome::First(granted)) => {
                granted
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((granted.attempts, granted.fence.sequence, granted.host_deaths), (1, 1, 0));

        // A failure whose report is repeated is one failure; a deferral takes one attempt back, not two.
        for (failed, attempts) in [(true, 2), (false, 2), (true, 3)] {
            let asked = claim(&name, drawn());
            let held = match store_state(&store, &asked.key) {
                State::Claimed => granted,
                _ => self::granted(&store, &asked),
            };
            let asked = Claim { attempt: held.fence.attempt, ..asked };
            proxy.cut(what, 0);
            assert_eq!(settle(&store, &asked, &held, release(failed)), APPLIED);
            let next = claim(&name, drawn());
            let granted = self::granted(&store, &next);
            assert_eq!(granted.attempts, attempts, "{what:?} {failed}");
            assert_eq!(settle(&store, &next, &granted, release(false)), APPLIED);
        }

        let asked = claim(&name, drawn());
        let granted = self::granted(&store, &asked);
        proxy.cut(what, 0);
        assert_eq!(settle(&store, &asked, &granted, commit("r")), APPLIED);
        let ClaimOutcome::Committed(found) = ask(&store, &claim(&name, drawn())) else { panic!() };
        assert_eq!(found.receipt.as_deref(), Some(b"r".as_slice()));
        proxy.cut(what, 0);
        assert_eq!(block_on(store.forget(&asked.key, None, LONG_MS)).unwrap(), Forgotten::Done);

        let asked = claim(&name, drawn());
        let granted = self::granted(&store, &asked);
        proxy.cut(what, 0);
        assert_eq!(settle(&store, &asked, &granted, die()), APPLIED);
        assert!(matches!(ask(&store, &claim(&name, drawn())), ClaimOutcome::Dead { .. }));
    }
}

fn store_state(store: &RedisStore, key: &Key) -> State {
    block_on(store.get(key)).unwrap().unwrap().record.unwrap().state
}

#[test]
fn among_many_cut_replies_every_key_is_claimed_and_committed_once() {
    let server = RedisServer::start(ServerOptions::default());
    let proxy = Proxy::to(server.port());
    let store = RedisStore::connect(&new_store(RedisOptions::parse(&proxy.url()).unwrap())).unwrap();
    proxy.cut(Cut::Reply, 7);
    let owned = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, owned) = (&store, &owned);
            scope.spawn(move || {
                for n in 0..50 {
                    let asked = claim(&format!("{thread}-{n}"), drawn());
                    let granted = match ask(store, &asked) {
                        ClaimOutcome::First(granted) => granted,
                        ClaimOutcome::Owned(granted) => {
                            owned.fetch_add(1, Ordering::SeqCst);
                            granted
                        }
                        other => panic!("a lost reply became {other:?}"),
                    };
                    assert_eq!((granted.attempts, granted.fence.sequence), (1, 1));
                    assert_eq!(settle(store, &asked, &granted, commit("r")), APPLIED);
                    let ClaimOutcome::Committed(_) = ask(store, &claim(&format!("{thread}-{n}"), drawn()))
                    else {
                        panic!("a commit was lost")
                    };
                }
            });
        }
    });
    assert!(owned.load(Ordering::SeqCst) > 0, "no claim's reply was cut");
}

#[test]
fn nothing_is_sent_twice_unless_its_reply_was_lost() {
    let server = RedisServer::start(ServerOptions::default());
    let proxy = Proxy::to(server.port());
    let store = RedisStore::connect(&new_store(RedisOptions::parse(&proxy.url()).unwrap())).unwrap();
    let scripts = || server.calls("evalsha");
    let before = scripts();
    for n in 0..20 {
        let asked = claim(&format!("n{n}"), drawn());
        let granted = granted(&store, &asked);
        assert_eq!(settle(&store, &asked, &granted, commit("r")), APPLIED);
    }
    assert_eq!(scripts() - before, 40, "one call for each claim and each settlement");
    let before = scripts();
    proxy.cut(Cut::Reply, 0);
    granted(&store, &claim("cut", drawn()));
    assert_eq!(scripts() - before, 2, "the cut one, and one by which we asked again");
}

#[test]
fn flushed_scripts_are_sent_again() {
    let (server, store) = started();
    let asked = claim("k", drawn());
    let flush = || redis::cmd("SCRIPT").arg("FLUSH").exec(&mut server.connection()).unwrap();
    flush();
    let granted = granted(&store, &asked);
    assert_eq!(granted.attempts, 1);
    flush();
    assert_eq!(settle(&store, &asked, &granted, commit("r")), APPLIED);
    flush();
    assert_eq!(store_state(&store, &asked.key), State::Committed);
    flush();
    assert_eq!(block_on(store.forget(&asked.key, None, LONG_MS)).unwrap(), Forgotten::Done);
}

#[test]
fn a_server_that_is_killed_and_started_again_loses_nothing() {
    let mut server = RedisServer::start(ServerOptions { durable: true, ..ServerOptions::default() });
    // What a restart may have lost is waited for as long as a lease.
    let options = new_store(RedisOptions::parse(&server.url()).unwrap());
    let store = RedisStore::connect(&RedisStoreOptions { longest_lease_ms: 100, ..options }).unwrap();
    let (keys, done) = (150, AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                for n in 0..keys {
                    let asked = claim(&format!("{thread}-{n}"), drawn());
                    let granted = loop {
                        match ask(store, &asked) {
                            ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => break granted,
                            ClaimOutcome::Unavailable(_) | ClaimOutcome::InFlight { .. } => {
                                std::thread::sleep(Duration::from_millis(5));
                            }
                            other => panic!("{other:?}"),
                        }
                    };
                    assert_eq!((granted.attempts, granted.fence.sequence), (1, 1));
                    loop {
                        match settle(store, &asked, &granted, commit(&format!("{thread}-{n}"))) {
                            SettleOutcome::Unavailable(_) => std::thread::sleep(Duration::from_millis(5)),
                            outcome => break assert_eq!(outcome, APPLIED),
                        }
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 1..=3 {
            while done.load(Ordering::SeqCst) < round * keys {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.restart();
        }
    });
    for thread in 0..4 {
        for n in 0..keys {
            let name = format!("{thread}-{n}");
            match ask(&store, &claim(&name, drawn())) {
                ClaimOutcome::Committed(commit) => assert_eq!(commit.receipt, Some(name.into_bytes())),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

fn impatient(server: &RedisServer) -> RedisStore {
    let mut options = RedisOptions::parse(&server.url()).unwrap();
    options.connect_timeout = Duration::from_millis(200);
    options.reply_timeout = Duration::from_millis(200);
    options.patience = Duration::from_millis(700);
    RedisStore::connect(&new_store(options)).unwrap()
}

#[test]
fn a_server_that_stalls_is_asked_again_and_the_claim_counts_once() {
    let server = RedisServer::start(ServerOptions::default());
    let store = impatient(&server);
    let asked = claim("k", drawn());
    server.stall();
    let outcome = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ask(&store, &asked));
        std::thread::sleep(Duration::from_millis(350));
        server.go_on();
        waiting.join().unwrap()
    });
    let (ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((granted.attempts, granted.fence.sequence), (1, 1));
}

#[test]
fn an_outage_is_told_at_once_and_its_end_is_noticed() {
    let server = RedisServer::start(ServerOptions::default());
    let store = impatient(&server);
    server.stall();
    let began = Instant::now();
    assert!(matches!(ask(&store, &claim("a", drawn())), ClaimOutcome::Unavailable(_)));
    let first = began.elapsed();
    assert!(first >= Duration::from_millis(500) && first < Duration::from_millis(1500), "{first:?}");
    // The link is given up about as soon as that call was; from then on nobody waits.
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    for n in 0..50 {
        match ask(&store, &claim(&n.to_string(), drawn())) {
            ClaimOutcome::Unavailable(why) => assert!(why.contains(&server.address()), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    server.go_on();
    let began = Instant::now();
    while !matches!(ask(&store, &claim("back", drawn())), ClaimOutcome::First(_)) {
        assert!(began.elapsed() < Duration::from_secs(5), "it is not noticed that the server is back");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_that_cannot_write_is_an_outage_and_no_verdict() {
    let (server, store) = started();
    let done = claim("done", drawn());
    let held = granted(&store, &done);
    let admin =
        |words: &[&str]| redis::cmd(words[0]).arg(&words[1..]).exec(&mut server.connection()).unwrap();
    let unavailable = |named: &str| {
        for _ in 0..2 {
            match ask(&store, &claim("k", drawn())) {
                ClaimOutcome::Unavailable(why) => assert!(why.contains(named), "{why}"),
                other => panic!("{other:?}"),
            }
            match settle(&store, &done, &held, commit("r")) {
                SettleOutcome::Unavailable(why) => assert!(why.contains(named), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    };
    admin(&["CONFIG", "SET", "maxmemory", "1"]);
    unavailable("OOM");
    assert!(block_on(store.get(&done.key)).is_ok(), "reading needs no memory");
    admin(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(matches!(ask(&store, &claim("k2", drawn())), ClaimOutcome::First(_)));
    // Demoted in mid-run: its greeting says so when the connection is opened again.
    admin(&["REPLICAOF", "127.0.0.1", "1"]);
    unavailable("replica");
    admin(&["REPLICAOF", "NO", "ONE"]);
    let began = Instant::now();
    while settle(&store, &done, &held, commit("r")) != APPLIED {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it is not noticed that the server is a primary again"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_busy_server_is_waited_for() {
    let (server, store) = started();
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("busy-reply-threshold")
        .arg(1)
        .exec(&mut server.connection())
        .unwrap();
    let spin = "local until_ms = tonumber(redis.call('TIME')[1]) + 2
                while tonumber(redis.call('TIME')[1]) < until_ms do end";
    std::thread::scope(|scope| {
        scope.spawn(|| redis::cmd("EVAL").arg(spin).arg(0).exec(&mut server.connection()).unwrap());
        std::thread::sleep(Duration::from_millis(100));
        assert!(matches!(ask(&store, &claim("k", drawn())), ClaimOutcome::First(_)));
    });
}

#[test]
fn a_server_that_is_gone_is_an_outage_for_every_call() {
    let (mut server, store) = started();
    server.kill();
    let page =
        oncegate_dedup::store::Page { namespace: Namespace::new("faults").unwrap(), cursor: None, limit: 1 };
    assert!(matches!(ask(&store, &claim("k", drawn())), ClaimOutcome::Unavailable(_)));
    assert!(matches!(block_on(store.get(&key("k"))), Err(StoreError::Unavailable(_))));
    assert!(matches!(block_on(store.list(&page)), Err(StoreError::Unavailable(_))));
    assert!(matches!(block_on(store.forget(&key("k"), None, 1)), Err(StoreError::Unavailable(_))));
    let fence = Fence { sequence: 1, attempt: drawn() };
    let end = KeySettle { key: key("k"), fence, fingerprint: None, action: commit("r") };
    let settlements = [vec![end], vec![]].map(|keys| Settlement { keys, absent: Absent::Refuse });
    // What has no keys has nothing to ask.
    let outcomes = block_on(store.check(&settlements));
    assert!(matches!(&outcomes[..], [SettleOutcome::Unavailable(_), applied] if *applied == APPLIED));
    let began = Instant::now();
    drop(store);
    assert!(began.elapsed() < Duration::from_secs(1), "a store is closed at once");
}

#[test]
fn a_call_that_nobody_waits_for_harms_no_other() {
    let (_server, store) = started();
    let dropped = claim("dropped", drawn());
    block_on(async {
        let pending = store.claim(std::slice::from_ref(&dropped));
        drop(pending);
    });
    assert!(matches!(ask(&store, &claim("other", drawn())), ClaimOutcome::First(_)));
    // Whether it was made is open; asked again by the same attempt, it is its own.
    assert_eq!(granted(&store, &dropped).attempts, 1);
}
