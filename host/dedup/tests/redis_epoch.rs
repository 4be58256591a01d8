//! Whether a server is the one that it was, and what it may have forgotten.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use oncegate_dedup::conformance::{RedisServer, Sentinels, ServerOptions, block_on, new_store};
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, Initialised, KeySettle, RedisOptions, RedisStore, RedisStoreOptions,
    SettleOutcome, Settlement, Store as _, StoreError,
};
use oncegate_dedup::{Clock as _, Fence, Key, Namespace, SystemClock};
use oncegate_redis::redis::{Client, cmd};

const LONG_MS: u64 = 3_600_000;
const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };
const SENTINEL: &str = "oncegate:sentinel";

fn key(name: &str) -> Key {
    Key::new(&Namespace::new("epochs").unwrap(), name.as_bytes())
}

fn ask(store: &RedisStore, name: &str) -> ClaimOutcome {
    let attempt = SystemClock.attempt_id();
    let (key, fingerprint) = (key(name), None);
    let (lease_ms, keep_ms) = (LONG_MS, LONG_MS);
    let claim = Claim { key, attempt, fingerprint, lease_ms, keep_ms, suspect_after: 20, alone: false };
    block_on(store.claim(&[claim])).pop().unwrap()
}

fn claimed(store: &RedisStore, name: &str) -> Fence {
    match ask(store, name) {
        ClaimOutcome::First(granted) => granted.fence,
        other => panic!("{other:?}"),
    }
}

fn commit(store: &RedisStore, name: &str, fence: Fence) -> SettleOutcome {
    settle(store, name, fence, Action::Commit { receipt: None, window_ms: LONG_MS })
}

fn settle(store: &RedisStore, name: &str, fence: Fence, action: Action) -> SettleOutcome {
    let end = KeySettle { key: key(name), fence, fingerprint: None, action };
    block_on(store.settle(&[Settlement { keys: vec![end], absent: Absent::Refuse }])).pop().unwrap()
}

fn options(url: &str) -> RedisStoreOptions {
    RedisStoreOptions::new(RedisOptions::parse(url).unwrap())
}

/// A store whose hosts hold claims for an hour at most: long enough to look at the wait for it, and nobody waits.
fn begun(url: &str) -> RedisStore {
    let options =
        RedisStoreOptions { longest_lease_ms: LONG_MS, ..new_store(RedisOptions::parse(url).unwrap()) };
    RedisStore::connect(&options).unwrap()
}

fn refusal(options: &RedisStoreOptions) -> String {
    match RedisStore::connect(options) {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// The first answer that is not an outage.
fn answer(store: &RedisStore, name: &str) -> ClaimOutcome {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match ask(store, name) {
            ClaimOutcome::Unavailable(why) => assert!(Instant::now() < until, "{why}"),
            outcome => return outcome,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the store refuses to answer and says this.
fn soon_unavailable(store: &RedisStore, said: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let outcome = ask(store, "probe");
        if matches!(&outcome, ClaimOutcome::Unavailable(why) if why.contains(said)) {
            return;
        }
        assert!(Instant::now() < until, "{outcome:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn held_for(store: &RedisStore, name: &str) -> u64 {
    match answer(store, name) {
        ClaimOutcome::InFlight { left_ms } => left_ms,
        other => panic!("{name} may have been claimed before, and is {other:?}"),
    }
}

fn text(server: &RedisServer) -> String {
    cmd("GET").arg(SENTINEL).query(&mut server.connection()).unwrap()
}

fn word(server: &RedisServer, name: &str) -> String {
    let text = text(server);
    let word = text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    word.unwrap().to_owned()
}

/// Whether it says so; in the middle of its change it may hang up.
fn is_replica(server: &RedisServer) -> bool {
    let connection = Client::open(server.url()).and_then(|client| client.get_connection());
    let role =
        connection.and_then(|mut connection| cmd("INFO").arg("replication").query::<String>(&mut connection));
    role.is_ok_and(|role| role.contains("role:slave"))
}

fn saving() -> RedisServer {
    RedisServer::start(ServerOptions::default())
}

fn save(server: &RedisServer) {
    cmd("SAVE").exec(&mut server.connection()).unwrap();
}

#[test]
fn a_server_without_a_sentinel_is_refused_and_says_what_to_do() {
    // Rule 21.
    let server = saving();
    let why = refusal(&options(&server.url()));
    assert!(why.contains("oncegate store init") && why.contains("--init-store"), "{why}");
    let done = |written| vec![Initialised { address: server.address(), sentinels: 1, written }];
    assert_eq!(RedisStore::init(&options(&server.url())).unwrap(), done(1));
    let first = text(&server);
    assert_eq!(RedisStore::init(&options(&server.url())).unwrap(), done(0));
    assert_eq!(text(&server), first, "a good one stays as it is");
    claimed(&RedisStore::connect(&options(&server.url())).unwrap(), "new stores wait for nothing");
    let left: i64 = cmd("PTTL").arg(SENTINEL).query(&mut server.connection()).unwrap();
    assert_eq!(left, -1, "it has no expiry");
}

#[test]
fn a_store_of_another_layout_or_with_other_names_is_refused_and_not_touched() {
    // Rule 21.
    let server = saving();
    RedisStore::init(&options(&server.url())).unwrap();
    let good = text(&server);
    let tagged = RedisStoreOptions { hash_tag: Some("t".to_owned()), init: true, ..options(&server.url()) };
    let why = refusal(&tagged);
    assert!(why.contains("hash tag none") && why.contains("`t`"), "{why}");
    assert_eq!(text(&server), good);
    for (wrong, named) in [(good.replace("sentinel 1", "sentinel 2"), "layout 2"), ("x".to_owned(), "read")] {
        cmd("SET").arg(SENTINEL).arg(&wrong).exec(&mut server.connection()).unwrap();
        for init in [false, true] {
            let why = refusal(&RedisStoreOptions { init, ..options(&server.url()) });
            assert!(why.contains(named), "{why}");
        }
        assert_eq!(text(&server), wrong);
    }
    cmd("DEL").arg(SENTINEL).exec(&mut server.connection()).unwrap();
    cmd("RPUSH").arg(SENTINEL).arg("x").exec(&mut server.connection()).unwrap();
    assert!(refusal(&options(&server.url())).contains("WRONGTYPE"));
}

#[test]
fn a_server_that_is_emptied_in_mid_run_is_refused_until_somebody_accepts_it() {
    // Rule 21: FLUSHALL changes neither id. A host that was told to begin the store does not do so again.
    let server = saving();
    let store = begun(&server.url());
    let fence = claimed(&store, "a");
    assert_eq!(commit(&store, "a", fence), APPLIED);
    let before = store.cache_epoch();
    cmd("FLUSHALL").exec(&mut server.connection()).unwrap();
    soon_unavailable(&store, "oncegate store init");
    assert!(matches!(commit(&store, "a", fence), SettleOutcome::Unavailable(_)));
    assert_eq!(store.cache_epoch(), None, "nor may a cache answer");
    RedisStore::init(&options(&server.url())).unwrap();
    assert!(matches!(answer(&store, "a"), ClaimOutcome::First(_)));
    assert!(store.cache_epoch() > before);
}

#[test]
fn a_server_that_is_emptied_and_begun_again_at_once_empties_caches() {
    // Nobody saw the time in between; the sentinel is another one.
    let server = saving();
    let store = begun(&server.url());
    let before = store.cache_epoch().unwrap();
    cmd("FLUSHALL").exec(&mut server.connection()).unwrap();
    RedisStore::init(&options(&server.url())).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while store.cache_epoch() == Some(before) {
        assert!(Instant::now() < until, "nobody notices");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_that_comes_up_empty_is_refused() {
    // Row 18.
    let mut server = saving();
    let store = begun(&server.url());
    claimed(&store, "a");
    server.restart();
    soon_unavailable(&store, "oncegate store init");
    assert!(refusal(&options(&server.url())).contains("oncegate store init"));
}

#[test]
fn after_a_restart_from_an_old_file_absent_keys_are_in_flight_for_one_lease() {
    // Rule 20: the claim that was forgotten may still be worked on.
    let mut server = saving();
    let store = begun(&server.url());
    let fence = claimed(&store, "kept");
    assert_eq!(commit(&store, "kept", fence), APPLIED);
    let kept = claimed(&store, "claimed");
    save(&server);
    let forgotten = claimed(&store, "forgotten");
    server.restart();
    // A host that is started only now goes by the same time.
    let other = RedisStore::connect(&options(&server.url())).unwrap();
    for store in [&store, &other] {
        let left_ms = held_for(store, "forgotten");
        assert!(left_ms > LONG_MS - 60_000 && left_ms <= LONG_MS, "{left_ms}");
        assert!(matches!(answer(store, "kept"), ClaimOutcome::Committed(_)));
    }
    assert_eq!(block_on(store.get(&key("forgotten"))).unwrap(), None, "nothing was written");
    assert_eq!(commit(&store, "forgotten", forgotten), SettleOutcome::Lost { key: 0 });
    assert_eq!(commit(&store, "claimed", kept), APPLIED, "what is there goes on");
}

#[test]
fn after_a_restart_from_an_old_file_a_key_that_was_released_by_then_is_in_flight_too() {
    // Rule 20: it may have been claimed again since, and that claim is forgotten.
    let mut server = saving();
    let store = begun(&server.url());
    let fence = claimed(&store, "tried");
    let release = Action::Release { failed: true, error: String::new(), keep_ms: LONG_MS };
    assert_eq!(settle(&store, "tried", fence, release), APPLIED);
    save(&server);
    let forgotten = claimed(&store, "tried");
    server.restart();
    let left_ms = held_for(&store, "tried");
    assert!(left_ms > LONG_MS - 60_000 && left_ms <= LONG_MS, "{left_ms}");
    // Whoever was forgotten still may commit: nobody has taken the key.
    assert_eq!(commit(&store, "tried", forgotten), SettleOutcome::Applied { late: 1 });
}

#[test]
fn the_hold_ends_when_the_longest_lease_has() {
    let mut server = saving();
    let short = RedisStoreOptions { init: true, longest_lease_ms: 700, ..options(&server.url()) };
    let store = RedisStore::connect(&short).unwrap();
    save(&server);
    server.restart();
    let left_ms = held_for(&store, "a");
    assert!(left_ms <= 700, "{left_ms}");
    let began = Instant::now();
    while !matches!(answer(&store, "a"), ClaimOutcome::First(_)) {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(began.elapsed() >= Duration::from_millis(left_ms.saturating_sub(50)));
}

#[test]
fn many_hosts_that_meet_a_new_epoch_at_once_agree_on_one_time() {
    // Rule 20: by compare-and-set.
    let mut server = saving();
    drop(begun(&server.url()));
    save(&server);
    server.restart();
    let start = std::sync::Barrier::new(8);
    let held: Vec<(String, u64)> = std::thread::scope(|scope| {
        let hosts: Vec<_> = (0..8)
            .map(|n| {
                let (server, start) = (&server, &start);
                scope.spawn(move || {
                    start.wait();
                    // Each with a lease of its own, so that they have more to disagree about.
                    let options =
                        RedisStoreOptions { longest_lease_ms: LONG_MS + n, ..options(&server.url()) };
                    let store = RedisStore::connect(&options).unwrap();
                    let since = word(server, "since_ms");
                    held_for(&store, "a");
                    (since, n)
                })
            })
            .collect();
        hosts.into_iter().map(|host| host.join().unwrap()).collect()
    });
    assert!(held.iter().all(|(since, _)| *since == held[0].0 && since != "0"), "{held:?}");
    assert_eq!(word(&server, "lease_ms"), (LONG_MS + 7).to_string(), "the longest lease of all");
    assert_eq!(word(&server, "since_ms"), held[0].0, "and nobody put it off");
}

#[test]
fn a_longer_lease_is_recorded_before_anything_is_claimed_and_never_shortened() {
    let server = saving();
    RedisStore::init(&options(&server.url())).unwrap();
    assert_eq!(word(&server, "lease_ms"), "60000");
    for (lease_ms, recorded) in [(90_000, "90000"), (1_000, "90000")] {
        let options = RedisStoreOptions { longest_lease_ms: lease_ms, ..options(&server.url()) };
        RedisStore::connect(&options).unwrap();
        assert_eq!(word(&server, "lease_ms"), recorded);
    }
    assert_eq!(word(&server, "since_ms"), "0");
}

#[test]
fn after_a_promotion_and_after_the_way_back_absent_keys_are_in_flight() {
    // Rule 20: a run id alone misses the way back to a server that was primary before.
    let group = Sentinels::start();
    let store = begun(&group.url());
    let fence = claimed(&store, "done");
    assert_eq!(commit(&store, "done", fence), APPLIED);
    let cached = store.cache_epoch().unwrap();
    let first = group.primary();
    let mut times = Vec::new();
    for _ in 0..2 {
        let before = group.primary();
        group.promote();
        // Until it is told, the old one takes claims, which are lost then.
        while !is_replica(&group.servers()[before]) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let left_ms = held_for(&store, "new");
        assert!(left_ms > LONG_MS / 2, "{left_ms}");
        assert!(matches!(answer(&store, "done"), ClaimOutcome::Committed(_)));
        times.push(word(&group.servers()[group.primary()], "since_ms"));
    }
    assert_eq!(group.primary(), first, "it went and came back");
    assert!(times[0] != times[1], "two epochs: {times:?}");
    assert!(store.cache_epoch().unwrap() > cached, "what was cached may have been rolled back");
}

#[test]
fn what_a_promotion_lost_is_not_taken_for_new_by_a_host_that_never_saw_it() {
    // Row 17: the claim reached the primary only.
    let primary = saving();
    let store = begun(&primary.url());
    let replica = primary.replica();
    // The replica's coming changes the primary's replication id: a false alarm, which costs a wait.
    drop(store);
    let mut primary = primary;
    replica.stall();
    let fresh = RedisStore::connect(&options(&primary.url())).unwrap();
    drop(fresh);
    primary.kill();
    replica.go_on();
    cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut replica.connection()).unwrap();
    let host = RedisStore::connect(&options(&replica.url())).unwrap();
    held_for(&host, "claimed on the old primary");
}

#[test]
fn a_way_back_that_no_host_saw_is_noticed_by_the_replication_id() {
    // Rule 20: the run id is the one of before, and what the other server was told in between may be lost.
    let server = saving();
    drop(begun(&server.url()));
    let run_id = word(&server, "run_id");
    let other = server.replica();
    cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut other.connection()).unwrap();
    let mut follow = cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(other.port()).exec(&mut server.connection()).unwrap();
    while server.info("master_link_status") != "up" {
        std::thread::sleep(Duration::from_millis(10));
    }
    cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut server.connection()).unwrap();
    let host = RedisStore::connect(&options(&server.url())).unwrap();
    held_for(&host, "a");
    assert_eq!(word(&server, "run_id"), run_id);
}

fn soon_replicated(store: &RedisStore, since: Option<u64>) {
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(why) = block_on(store.replicated(since)) {
        assert!(Instant::now() < until, "{why}");
    }
}

#[test]
fn replicas_are_counted_and_too_few_are_no_replication() {
    // Rule 23.
    let primary = saving();
    let replica = primary.replica();
    let asked = RedisStoreOptions {
        replicas: 1,
        replica_timeout: Duration::from_millis(200),
        init: true,
        ..options(&primary.url())
    };
    let store = RedisStore::connect(&asked).unwrap();
    assert_eq!(store.replicas(), 1);
    let since = store.cache_epoch();
    let fence = claimed(&store, "a");
    assert_eq!(commit(&store, "a", fence), APPLIED);
    soon_replicated(&store, since);
    replica.stall();
    let fence = claimed(&store, "b");
    assert_eq!(commit(&store, "b", fence), APPLIED);
    let why = block_on(store.replicated(since)).unwrap_err();
    assert!(why.contains("0 replicas"), "{why}");
    // Asked again when it is there, nothing else is repeated.
    replica.go_on();
    soon_replicated(&store, since);
    // A connection that was lost since then says nothing of what was written over it.
    cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").exec(&mut primary.connection()).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while store.cache_epoch().is_none() || store.cache_epoch() == since {
        assert!(Instant::now() < until, "nobody notices");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(block_on(store.replicated(since)).unwrap_err().contains("lost"));
    assert!(block_on(store.replicated(None)).is_err());
    assert_eq!(commit(&store, "b", fence), APPLIED);
    soon_replicated(&store, store.cache_epoch());
}
