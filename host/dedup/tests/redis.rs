//! The Redis store does what every store must, on a real server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oncegate_dedup::conformance::{
    Bench, MemoryBench, RedisBench, RedisServer, ServerOptions, block_on, holds,
};
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, Entry, KeySettle, SettleOutcome, Settlement, StoreError,
};
use oncegate_dedup::{AttemptId, Fence, Fingerprint, Key, Namespace, Origin, Record, State, Unreadable};
use oncegate_redis::redis;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const MINUTE_MS: u64 = 60_000;

#[test]
fn the_redis_store_holds() {
    let server = RedisServer::start(ServerOptions::default());
    holds(|| RedisBench::new(&server), 400);
}

fn key(name: &[u8]) -> Key {
    Key::new(&Namespace::new("records").unwrap(), name)
}

fn id(attempt: u8) -> AttemptId {
    AttemptId::from_bytes([attempt; 16])
}

fn claim(attempt: u8, alone: bool) -> Claim {
    Claim {
        key: key(b"k"),
        attempt: id(attempt),
        fingerprint: Some(Fingerprint::from_bytes([1; 16])),
        lease_ms: 10 * MINUTE_MS,
        keep_ms: 30 * MINUTE_MS,
        suspect_after: 2,
        alone,
    }
}

/// Numbers where a script could go wrong: Lua counts in doubles.
fn any_u64() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4u64,
        Just(u64::from(u32::MAX)),
        Just(u64::from(u32::MAX) + 1),
        Just(1 << 53),
        Just((1 << 53) + 1),
        Just(u64::MAX - 1),
        Just(u64::MAX),
    ]
}

fn any_u32() -> impl Strategy<Value = u32> {
    prop_oneof![0..4u32, Just(u32::MAX - 1), Just(u32::MAX)]
}

fn any_record() -> impl Strategy<Value = Record> {
    let state = prop::sample::select(vec![State::Claimed, State::Released, State::Committed, State::Dead]);
    let keep = prop_oneof![3 => Just(30 * MINUTE_MS), 1 => any_u64()];
    let text = prop_oneof![Just(String::new()), "\\PC{0,20}", Just("ö".repeat(512))];
    let bytes16 = || prop::option::of((0..3u8).prop_map(|byte| [byte; 16]));
    let numbers = (any_u64(), 0..3u8, any_u32(), any_u32(), keep);
    let rest = (bytes16(), any::<[bool; 3]>(), bytes16(), text, any::<Option<Vec<u8>>>());
    (state, numbers, rest).prop_map(|(state, (sequence, attempt, attempts, host_deaths, keep_ms), rest)| {
        let (fingerprint, [forgotten, alone, died_alone], origin, text, receipt) = rest;
        Record {
            state,
            fence: Fence { sequence, attempt: id(attempt) },
            attempts,
            host_deaths,
            keep_ms,
            fingerprint: fingerprint.map(Fingerprint::from_bytes),
            forgotten,
            alone,
            died_alone,
            origin: origin.map(Origin::from_bytes),
            text,
            receipt,
        }
    })
}

/// A record's bytes, sometimes with one of them changed or some cut off.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    (any_record(), prop::option::of((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()))).prop_map(
        |(record, change)| {
            let mut bytes = record.encode();
            if let Some((at, to, cut)) = change {
                let at = at.index(bytes.len());
                bytes[at] = to;
                if cut {
                    bytes.truncate(at);
                }
            }
            bytes
        },
    )
}

#[derive(Debug, Clone)]
enum Asked {
    Nothing,
    Claim(u8, bool),
    Settle(Fence, Action, Absent),
    Forget(Option<Fence>),
    CommitFor(Option<Fence>),
    Requeue(Fence),
}

fn any_asked() -> impl Strategy<Value = Asked> {
    let fence =
        || (any_u64(), 0..3u8).prop_map(|(sequence, attempt)| Fence { sequence, attempt: id(attempt) });
    let error = || prop::sample::select(vec![String::new(), "no".to_owned(), "x".repeat(2000)]);
    let action = prop_oneof![
        any::<Option<Vec<u8>>>().prop_map(|receipt| Action::Commit { receipt, window_ms: 90 * MINUTE_MS }),
        (any::<bool>(), error()).prop_map(|(failed, error)| Action::Release {
            failed,
            error,
            keep_ms: 30 * MINUTE_MS
        }),
        error().prop_map(|reason| Action::Die {
            reason,
            origin: Origin::from_bytes([7; 16]),
            window_ms: 90 * MINUTE_MS
        }),
    ];
    let absent = prop::sample::select(vec![Absent::Refuse, Absent::Accept]);
    prop_oneof![
        2 => (0..3u8, any::<bool>()).prop_map(|(attempt, alone)| Asked::Claim(attempt, alone)),
        2 => (fence(), action, absent).prop_map(|(fence, action, absent)| Asked::Settle(fence, action, absent)),
        1 => prop::option::of(fence()).prop_map(Asked::Forget),
        1 => prop::option::of(fence()).prop_map(Asked::CommitFor),
        1 => fence().prop_map(Asked::Requeue),
    ]
}

/// A server that was restarted a moment ago, with the files that it had.
fn held(server: &mut RedisServer) -> RedisBench {
    let bench = RedisBench::with(server, |options| options.longest_lease_ms = 60 * MINUTE_MS);
    drop(bench);
    redis::cmd("SAVE").exec(&mut server.connection()).unwrap();
    server.restart();
    RedisBench::again(server)
}

/// What a store makes of a planted record: its answer in words, without times, and the record afterwards.
fn made_of(bench: &mut dyn Bench, bytes: &[u8], life_ms: u64, asked: &Asked) -> (String, Option<Entry>) {
    bench.plant(&key(b"k"), bytes, life_ms);
    let store = bench.store();
    let answer = match asked {
        Asked::Nothing => String::new(),
        Asked::Claim(attempt, alone) => {
            let outcome = block_on(store.claim(&[claim(*attempt, *alone)])).pop().unwrap();
            match outcome {
                ClaimOutcome::InFlight { left_ms } => {
                    format!("in flight for {} min", left_ms.div_ceil(MINUTE_MS))
                }
                ClaimOutcome::Committed(commit) => format!("{:?} {:?}", commit.receipt, commit.fingerprint),
                other => format!("{other:?}"),
            }
        }
        Asked::Settle(fence, action, absent) => {
            let fingerprint = Some(Fingerprint::from_bytes([2; 16]));
            let end = KeySettle { key: key(b"k"), fence: *fence, fingerprint, action: action.clone() };
            let settlement = [Settlement { keys: vec![end], absent: *absent }];
            let checked = block_on(store.check(&settlement));
            format!("{checked:?} {:?}", block_on(store.settle(&settlement)))
        }
        Asked::Forget(fence) => format!("{:?}", block_on(store.forget(&key(b"k"), *fence, MINUTE_MS))),
        Asked::CommitFor(fence) => {
            format!("{:?}", block_on(store.commit_for(&key(b"k"), *fence, MINUTE_MS)))
        }
        Asked::Requeue(fence) => format!("{:?}", block_on(store.requeue(&key(b"k"), *fence, MINUTE_MS))),
    };
    let mut entry = block_on(store.get(&key(b"k"))).unwrap();
    if let Some(entry) = &mut entry {
        entry.left_ms = entry.left_ms.div_ceil(MINUTE_MS);
    }
    (answer, entry)
}

/// The scripts read records by themselves. They must read them as the host does, whatever is in them.
#[test]
fn the_scripts_and_the_host_make_the_same_of_every_record() {
    let server = RedisServer::start(ServerOptions::default());
    let redis = std::cell::RefCell::new(RedisBench::new(&server));
    let life = prop::sample::select(vec![20 * MINUTE_MS, 35 * MINUTE_MS]);
    let config = Config { cases: 6000, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&(any_bytes(), life, any_asked()), |(bytes, life_ms, asked)| {
        let found = made_of(&mut *redis.borrow_mut(), &bytes, life_ms, &asked);
        let expected = made_of(&mut MemoryBench::new(), &bytes, life_ms, &asked);
        prop_assert_eq!(found, expected);
        Ok(())
    });
    run.unwrap();
}

/// While a server may have forgotten records, those that it has mean what they always mean; but what could be had waits,
/// because its last claim may be what was forgotten.
#[test]
fn during_a_hold_the_scripts_and_the_host_make_the_same_of_every_record() {
    let mut server = RedisServer::start(ServerOptions::default());
    let redis = std::cell::RefCell::new(held(&mut server));
    let absent = Claim { key: key(b"absent"), ..claim(1, false) };
    match &block_on(redis.borrow().store().claim(std::slice::from_ref(&absent)))[..] {
        [ClaimOutcome::InFlight { left_ms }] => {
            assert!((50 * MINUTE_MS..=60 * MINUTE_MS).contains(left_ms), "{left_ms}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(block_on(redis.borrow().store().get(&absent.key)).unwrap(), None, "nothing was written");
    let life = prop::sample::select(vec![20 * MINUTE_MS, 35 * MINUTE_MS]);
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let waited = std::cell::Cell::new(0);
    let run = TestRunner::new(config).run(&(any_bytes(), life, any_asked()), |(bytes, life_ms, asked)| {
        let found = made_of(&mut *redis.borrow_mut(), &bytes, life_ms, &asked);
        let mut expected = made_of(&mut MemoryBench::new(), &bytes, life_ms, &asked);
        if matches!(asked, Asked::Claim(..)) && expected.0.starts_with("First") {
            waited.set(waited.get() + 1);
            expected = made_of(&mut MemoryBench::new(), &bytes, life_ms, &Asked::Nothing);
            prop_assert!(found.0.starts_with("in flight for"), "{}", found.0);
            expected.0.clone_from(&found.0);
        }
        prop_assert_eq!(found, expected);
        Ok(())
    });
    run.unwrap();
    assert!(waited.get() > 0, "nothing could be had: this shows little");
}

#[test]
fn a_store_whose_names_have_a_hash_tag_holds() {
    let server = RedisServer::start(ServerOptions::default());
    holds(|| RedisBench::with(&server, |options| options.hash_tag = Some("t".to_owned())), 50);
}

#[test]
fn what_somebody_else_put_under_our_prefix_is_not_listed() {
    let server = RedisServer::start(ServerOptions::default());
    let mut bench = RedisBench::new(&server);
    for name in ["oncegate:1:records:k:a b", "oncegate:1:records:k:%61", "oncegate:1:records:x:a"] {
        redis::cmd("SET").arg(name).arg("x").exec(&mut server.connection()).unwrap();
    }
    bench.plant_other_type(&key(b"list"));
    let page = oncegate_dedup::store::Page {
        namespace: Namespace::new("records").unwrap(),
        cursor: None,
        limit: 10,
    };
    let listing = block_on(bench.store().list(&page)).unwrap();
    let records: Vec<_> = listing.entries.iter().map(|entry| &entry.record).collect();
    assert_eq!(records, [&Err(Unreadable::OtherType)]);
    let page = oncegate_dedup::store::Page { cursor: Some(b"not a number".to_vec()), ..page };
    assert!(matches!(block_on(bench.store().list(&page)), Err(StoreError::Refused(_))));
}

#[test]
fn a_delivery_with_very_many_keys_settles_as_one() {
    let server = RedisServer::start(ServerOptions::default());
    let bench = RedisBench::new(&server);
    let claims: Vec<Claim> =
        (0..9000u32).map(|n| Claim { key: key(&n.to_be_bytes()), ..claim(1, false) }).collect();
    let outcomes = block_on(bench.store().claim(&claims));
    let mut ends: Vec<KeySettle> = claims
        .iter()
        .zip(outcomes)
        .map(|(claim, outcome)| match outcome {
            ClaimOutcome::First(granted) => KeySettle {
                key: claim.key.clone(),
                fence: granted.fence,
                fingerprint: None,
                action: Action::Commit { receipt: None, window_ms: MINUTE_MS },
            },
            other => panic!("{other:?}"),
        })
        .collect();
    let settle = |keys| block_on(bench.store().settle(&[Settlement { keys, absent: Absent::Refuse }]));
    let good = ends[8999].fence;
    ends[8999].fence.sequence += 1;
    assert_eq!(settle(ends.clone()), [SettleOutcome::Lost { key: 8999 }]);
    ends[8999].fence = good;
    assert_eq!(settle(ends.clone()), [SettleOutcome::Applied { late: 0 }]);
    let too_many = ends.iter().cycle().take(20_001).cloned().collect();
    assert!(matches!(&settle(too_many)[..], [SettleOutcome::Unavailable(why)] if why.contains("20000")));
}
