//! The Redis store on a cluster: every store's rules, settlements over several slots, and sentinels that move.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use oncegate_dedup::conformance::{Bench as _, Cluster, RedisBench, block_on, holds, new_store};
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, KeySettle, Page, RedisOptions, RedisStore, RedisStoreOptions,
    SettleOutcome, Settlement, Store as _, StoreError,
};
use oncegate_dedup::{AttemptId, Clock as _, Key, Namespace, SystemClock};
use oncegate_redis::redis::cmd;

const LONG_MS: u64 = 3_600_000;
const APPLIED: SettleOutcome = SettleOutcome::Applied { late: 0 };

fn key(name: &str) -> Key {
    Key::new(&Namespace::new("cluster").unwrap(), name.as_bytes())
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

fn ask(store: &RedisStore, name: &str, attempt: AttemptId) -> ClaimOutcome {
    block_on(store.claim(&[claim(name, attempt)])).pop().unwrap()
}

/// Claims keys by one attempt, and says how they would be committed.
fn claimed(store: &RedisStore, names: &[&str], attempt: AttemptId) -> Settlement {
    let claims: Vec<_> = names.iter().map(|name| claim(name, attempt)).collect();
    let outcomes = block_on(store.claim(&claims));
    let end = |(claim, outcome): (&Claim, ClaimOutcome)| match outcome {
        ClaimOutcome::First(granted) | ClaimOutcome::Owned(granted) => KeySettle {
            key: claim.key.clone(),
            fence: granted.fence,
            fingerprint: None,
            action: Action::Commit { receipt: None, window_ms: LONG_MS },
        },
        other => panic!("{other:?}"),
    };
    Settlement { keys: claims.iter().zip(outcomes).map(end).collect(), absent: Absent::Refuse }
}

fn drawn() -> AttemptId {
    SystemClock.attempt_id()
}

fn options(cluster: &Cluster) -> RedisStoreOptions {
    new_store(RedisOptions::parse(&cluster.url()).unwrap())
}

/// Until it is so, for ten seconds.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "it does not happen: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_redis_store_holds_on_a_cluster() {
    let cluster = Cluster::start();
    holds(|| RedisBench::on_cluster(&cluster, |_| {}), 100);
    holds(|| RedisBench::on_cluster(&cluster, |options| options.hash_tag = Some("one".to_owned())), 20);
}

#[test]
fn a_settlement_over_several_slots_checks_every_fence_before_its_first_mark() {
    // Rule 9.
    let cluster = Cluster::start();
    let bench = RedisBench::on_cluster(&cluster, |_| {});
    let store = bench.redis();
    let names: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let good = claimed(store, &names, drawn());
    assert!(!store.one_slot(&good));
    assert!(store.one_slot(&Settlement { keys: vec![good.keys[0].clone()], absent: Absent::Refuse }));
    for lost in [0, 17, 29] {
        let mut bad = good.clone();
        bad.keys[lost].fence.sequence += 1;
        assert_eq!(block_on(store.settle(&[bad.clone()])), [SettleOutcome::Lost { key: lost }]);
        assert_eq!(block_on(store.check(&[bad])), [SettleOutcome::Lost { key: lost }]);
    }
    for name in &names {
        let found = ask(store, name, drawn());
        assert!(matches!(found, ClaimOutcome::InFlight { .. }), "{name} was marked: {found:?}");
    }
    // Repeated, it is done once.
    for _ in 0..2 {
        assert_eq!(block_on(store.settle(std::slice::from_ref(&good))), [APPLIED]);
    }
    for name in &names {
        assert!(matches!(ask(store, name, drawn()), ClaimOutcome::Committed(_)));
    }
}

#[test]
fn a_settlement_that_was_marked_in_part_is_completed_by_its_attempt() {
    // Rule 9: its marks may be written apart.
    let cluster = Cluster::start();
    let bench = RedisBench::on_cluster(&cluster, |_| {});
    let store = bench.redis();
    let whole = claimed(store, &["a", "b", "c", "d", "e"], drawn());
    let half = Settlement { keys: whole.keys[..2].to_vec(), ..whole.clone() };
    assert_eq!(block_on(store.settle(&[half])), [APPLIED]);
    assert!(matches!(ask(store, "a", drawn()), ClaimOutcome::Committed(_)));
    assert!(matches!(ask(store, "e", drawn()), ClaimOutcome::InFlight { .. }));
    assert_eq!(block_on(store.settle(&[whole])), [APPLIED]);
    assert!(matches!(ask(store, "e", drawn()), ClaimOutcome::Committed(_)));
}

#[test]
fn with_a_hash_tag_every_settlement_lies_in_one_slot() {
    let cluster = Cluster::start();
    let bench = RedisBench::on_cluster(&cluster, |options| options.hash_tag = Some("t".to_owned()));
    let store = bench.redis();
    assert!(store.one_slot(&claimed(store, &["a", "b", "c", "d"], drawn())));
    assert_eq!(store.server().slot(&store.name_of(&key("a"))), store.server().slot(b"{t}stream"));
}

#[test]
fn keys_follow_their_slot_and_so_does_its_sentinel() {
    let cluster = Cluster::start();
    let bench = RedisBench::on_cluster(&cluster, |options| options.longest_lease_ms = LONG_MS);
    let store = bench.redis();
    let settlement = claimed(store, &["a"], drawn());
    // The slot of the key, and one that has a sentinel.
    let name = store.name_of(&key("a"));
    let sentinel = sentinels(&cluster, 0).remove(0);
    for name in [name.as_slice(), sentinel.as_bytes()] {
        let from = cluster.holder(name);
        cluster.move_slot(name, (from + 1) % 3);
    }
    // A host that starts now finds a sentinel wherever one has to be, and nothing that was forgotten.
    let other = RedisStore::connect(&RedisStoreOptions { init: false, ..options(&cluster) }).unwrap();
    soon("the claim is found where it is now", || {
        matches!(ask(&other, "a", drawn()), ClaimOutcome::InFlight { .. })
    });
    soon("it is settled there", || block_on(store.settle(std::slice::from_ref(&settlement))) == [APPLIED]);
    for n in 0..50 {
        let found = ask(&other, &format!("new{n}"), drawn());
        assert!(matches!(found, ClaimOutcome::First(_)), "a move is not a loss: {found:?}");
    }
}

fn sentinels(cluster: &Cluster, node: usize) -> Vec<String> {
    let mut names: Vec<String> =
        cmd("KEYS").arg("oncegate:sentinel:*").query(&mut cluster.nodes()[node].connection()).unwrap();
    names.sort();
    names
}

#[test]
fn a_primary_that_was_emptied_is_refused_until_it_is_initialised() {
    // Rule 21, on one of three.
    let cluster = Cluster::start();
    let made = RedisStore::init(&options(&cluster)).unwrap();
    assert_eq!(made.len(), 3);
    assert_eq!(made.iter().map(|made| made.written).sum::<usize>(), 64);
    assert!(RedisStore::init(&options(&cluster)).unwrap().iter().all(|made| made.written == 0));
    cmd("FLUSHALL").exec(&mut cluster.nodes()[1].connection()).unwrap();
    let plain = RedisStoreOptions { init: false, ..options(&cluster) };
    match RedisStore::connect(&plain) {
        Err(StoreError::Refused(why)) => assert!(why.contains("oncegate store init"), "{why}"),
        other => panic!("{other:?}"),
    }
    let written: Vec<_> = RedisStore::init(&options(&cluster)).unwrap();
    assert_eq!(written.iter().filter(|made| made.written > 0).count(), 1);
    RedisStore::connect(&plain).unwrap();
}

#[test]
fn after_a_failover_in_the_cluster_absent_keys_of_that_primary_are_in_flight() {
    // Rule 20.
    let mut cluster = Cluster::with_replicas();
    let store =
        RedisStore::connect(&RedisStoreOptions { longest_lease_ms: LONG_MS, ..options(&cluster) }).unwrap();
    let settlement = claimed(&store, &["a"], drawn());
    assert_eq!(block_on(store.settle(&[settlement])), [APPLIED]);
    let holder = cluster.holder(&store.name_of(&key("a")));
    soon("the replica has it", || block_on(store.server().replicated(1, Duration::from_secs(1))) == Ok(1));
    cluster.node_mut(holder).kill();
    cluster.fail_over(holder);
    soon("the commit is found on the replica", || {
        matches!(ask(&store, "a", drawn()), ClaimOutcome::Committed(_))
    });
    let (mut held, mut free) = (0, 0);
    for n in 0..60 {
        let name = format!("n{n}");
        let there = cluster.holder(&store.name_of(&key(&name))) == holder + 3;
        soon("it is answered", || match ask(&store, &name, drawn()) {
            ClaimOutcome::InFlight { left_ms } => {
                assert!(there && left_ms > LONG_MS / 2, "{name} {left_ms}");
                held += 1;
                true
            }
            ClaimOutcome::First(_) => {
                assert!(!there, "{name} may have been claimed before the failover");
                free += 1;
                true
            }
            _ => false,
        });
    }
    assert!(held > 0 && free > 0, "{held} {free}");
}

#[test]
fn a_listing_visits_every_primary() {
    let cluster = Cluster::start();
    let bench = RedisBench::on_cluster(&cluster, |_| {});
    let names: Vec<String> = (0..700).map(|n| format!("k{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    claimed(bench.redis(), &names, drawn());
    let mut page = Page { namespace: Namespace::new("cluster").unwrap(), cursor: None, limit: 10 };
    let mut found = BTreeSet::new();
    loop {
        let listing = block_on(bench.store().list(&page)).unwrap();
        found.extend(listing.entries.into_iter().map(|entry| entry.key));
        page.cursor = listing.next;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, names.iter().map(|name| key(name)).collect());
    for strange in ["7", "0 nowhere:1", "x"] {
        page.cursor = Some(strange.into());
        let listed = block_on(bench.store().list(&page));
        assert!(!matches!(listed, Err(StoreError::Unavailable(_))), "{strange}: {listed:?}");
    }
}
