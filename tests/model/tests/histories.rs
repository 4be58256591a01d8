//! The model's own transitions, played against the real stores: what it expects is what they do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use oncegate_dedup::conformance::history::{Step as Asked, play};
use oncegate_dedup::conformance::{Bench, ManualClock, MemoryBench, RedisBench, RedisServer, ServerOptions};
use oncegate_dedup::store::{
    Absent, Action, Claim, ClaimOutcome, Committed, FileOptions, FileStore, Forgotten, Granted, KeySettle,
    Requeued, SettleOutcome, Settlement, Store,
};
use oncegate_dedup::{AttemptId, Fence, Fingerprint, Key, Namespace, Origin, Record, State};
use oncegate_model::record::{self, Answer, Stage};
use oncegate_model::walk::{self, Call, KEEP, Kept, LEASE, Reply, SUSPECT_AFTER, Step, WINDOW};

/// Whole minutes, so that it does not matter that a server's clock goes on by itself.
const TICK_MS: u64 = 10 * 60_000;
const REASON: &str = "hopeless";
/// How many random walks a store is put to, of how many steps each.
const WALKS: u64 = 150;
const STEPS: usize = 60;

fn ms(ticks: u8) -> u64 {
    u64::from(ticks) * TICK_MS
}

fn id(attempt: u8) -> AttemptId {
    AttemptId::from_bytes([attempt; 16])
}

fn print(of: u8) -> Option<Fingerprint> {
    (of != 0).then(|| Fingerprint::from_bytes([of; 16]))
}

fn fence(seq: u8, attempt: u8) -> Fence {
    Fence { sequence: seq.into(), attempt: id(attempt) }
}

fn state(stage: Stage) -> State {
    match stage {
        Stage::Claimed { .. } => State::Claimed,
        Stage::Released => State::Released,
        Stage::Committed => State::Committed,
        Stage::Dead { .. } => State::Dead,
    }
}

/// A record of the model, as the stores write it.
fn written(record: &record::Record) -> Record {
    let origin = match record.stage {
        Stage::Dead { origin } => Some(Origin::from_bytes([origin; 16])),
        _ => None,
    };
    Record {
        state: state(record.stage),
        fence: fence(record.seq, record.by),
        attempts: record.attempts.into(),
        host_deaths: record.deaths.into(),
        keep_ms: if matches!(record.stage, Stage::Claimed { .. }) { ms(KEEP) } else { 0 },
        fingerprint: print(record.print),
        forgotten: record.forgotten,
        alone: record.alone,
        died_alone: record.died_alone,
        origin,
        text: if origin.is_some() { REASON.to_owned() } else { String::new() },
        receipt: None,
    }
}

/// A history with keys of its own.
struct History {
    keys: [Key; 2],
}

impl History {
    fn new(name: &str) -> Self {
        let namespace = Namespace::new("histories").unwrap();
        Self { keys: [0, 1].map(|number| Key::new(&namespace, format!("{name}-{number}").as_bytes())) }
    }

    fn of(&self, walk: &[Step]) -> Vec<Asked> {
        walk.iter().flat_map(|step| self.step(step)).collect()
    }

    /// What is asked, and how both records look afterwards.
    fn step(&self, step: &Step) -> Vec<Asked> {
        let looks = self.keys.iter().zip(step.left).map(|(key, left)| {
            Asked::Look(key.clone(), left.map(|(record, left)| (written(&record), ms(left))))
        });
        std::iter::once(self.asked(step)).chain(looks).collect()
    }

    fn asked(&self, step: &Step) -> Asked {
        match &step.call {
            Call::Claim { attempt, key, alone } => self.claim(*attempt, *key, *alone, step.reply),
            Call::Settle { attempt, ends, accept_absent } => {
                let keys = ends.iter().map(|(key, of, kept)| KeySettle {
                    key: self.keys[*key].clone(),
                    fence: fence(step.shown[*key], *attempt),
                    fingerprint: print(*of),
                    action: action(*attempt, *kept),
                });
                let absent = if *accept_absent { Absent::Accept } else { Absent::Refuse };
                let outcome = match step.reply {
                    Reply::Applied(late) => SettleOutcome::Applied { late: late.into() },
                    Reply::Lost(key) => SettleOutcome::Lost { key },
                    other => panic!("{other:?}"),
                };
                Asked::Settle(Settlement { keys: keys.collect(), absent }, outcome)
            }
            Call::Forget { key, attempt } => {
                let expected = attempt.map(|attempt| fence(step.shown[*key], attempt));
                let answer = match step.reply {
                    Reply::Done => Forgotten::Done,
                    Reply::Absent => Forgotten::Absent,
                    Reply::Kept(record) => Forgotten::Changed(fence(record.seq, record.by)),
                    other => panic!("{other:?}"),
                };
                Asked::Forget(self.keys[*key].clone(), expected, ms(KEEP), answer)
            }
            Call::Requeue { key, attempt } => {
                let answer = match step.reply {
                    Reply::Done => Requeued::Done,
                    Reply::Absent => Requeued::Absent,
                    Reply::Kept(record) => {
                        Requeued::Kept { state: state(record.stage), fence: fence(record.seq, record.by) }
                    }
                    other => panic!("{other:?}"),
                };
                let letter = fence(step.shown[*key], *attempt);
                Asked::Requeue(self.keys[*key].clone(), letter, ms(KEEP), answer)
            }
            Call::Tick => Asked::Advance(TICK_MS),
        }
    }

    fn claim(&self, attempt: u8, key: usize, alone: bool, reply: Reply) -> Asked {
        let claim = Claim {
            key: self.keys[key].clone(),
            attempt: id(attempt),
            fingerprint: print(walk::print_of(attempt)),
            lease_ms: ms(LEASE),
            keep_ms: ms(KEEP),
            suspect_after: SUSPECT_AFTER.into(),
            alone,
        };
        let granted = |record: record::Record| Granted {
            fence: fence(record.seq, record.by),
            attempts: record.attempts.into(),
            host_deaths: record.deaths.into(),
            died_alone: record.died_alone,
        };
        let Reply::Claimed(answer, left) = reply else { panic!("{reply:?}") };
        // There are two payloads: what is committed, and is not the asker's, is the other one.
        let others = if walk::print_of(attempt) == 1 { 2 } else { 1 };
        let outcome = match answer {
            Answer::First(record) => ClaimOutcome::First(granted(record)),
            Answer::Owned(record) => ClaimOutcome::Owned(granted(record)),
            Answer::InFlight => ClaimOutcome::InFlight { left_ms: ms(left) },
            Answer::Committed => {
                let fingerprint = print(walk::print_of(attempt));
                ClaimOutcome::Committed(Committed { receipt: None, fingerprint, left_ms: ms(left) })
            }
            Answer::Mismatch => ClaimOutcome::Mismatch { stored: Fingerprint::from_bytes([others; 16]) },
            Answer::Dead { origin } => ClaimOutcome::Dead {
                reason: REASON.to_owned(),
                origin: Some(Origin::from_bytes([origin; 16])),
            },
            Answer::Suspect { deaths } => ClaimOutcome::Suspect { host_deaths: deaths.into() },
        };
        Asked::Claim(claim, outcome)
    }
}

fn action(attempt: u8, kept: Kept) -> Action {
    match kept {
        Kept::Commit => Action::Commit { receipt: None, window_ms: ms(WINDOW) },
        Kept::Release(failed) => Action::Release { failed, error: String::new(), keep_ms: ms(KEEP) },
        Kept::Die => {
            let origin = Origin::from_bytes([attempt; 16]);
            Action::Die { reason: REASON.to_owned(), origin, window_ms: ms(WINDOW) }
        }
    }
}

/// A seed that is another one in each run, and is told when it fails.
fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| since.as_nanos() as u64)
}

fn holds(mut bench: impl Bench) {
    for (number, (name, walk)) in walk::covering().iter().enumerate() {
        let history = History::new(&format!("c{number}")).of(walk);
        if let Err(what) = play(&mut bench, &history) {
            panic!("{name}: {what}\n{walk:#?}");
        }
    }
    let fresh = fresh_seed();
    for seed in (1..=WALKS / 2).chain(fresh..fresh.saturating_add(WALKS / 2)) {
        let history = History::new(&format!("r{seed}")).of(&walk::random(seed, STEPS));
        if let Err(what) = play(&mut bench, &history) {
            panic!("the walk from seed {seed} goes otherwise: {what}");
        }
    }
}

#[test]
fn the_memory_store_does_what_the_model_expects() {
    holds(MemoryBench::new());
}

#[test]
fn the_redis_store_does_what_the_model_expects() {
    let server = RedisServer::start(ServerOptions::default());
    holds(RedisBench::new(&server));
}

/// The embedded store on a manual clock.
struct FileBench {
    clock: Arc<ManualClock>,
    store: Arc<FileStore>,
    _folder: tempfile::TempDir,
}

impl FileBench {
    fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
        // Logs so short that they are replaced in the middle of a history.
        let options = FileOptions { claim_log_bytes: 4096, ..FileOptions::default() };
        let store = FileStore::open(folder.path(), clock.clone(), options).unwrap();
        Self { clock, store, _folder: folder }
    }
}

impl Bench for FileBench {
    fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    fn advance(&mut self, ms: u64) {
        self.clock.advance(ms);
    }

    fn plant(&mut self, _: &Key, _: &[u8], _: u64) {
        panic!("a history plants nothing");
    }
}

#[test]
fn the_embedded_store_does_what_the_model_expects() {
    holds(FileBench::new());
}

#[test]
fn histories_cover_every_kind_of_step_and_a_wrong_expectation_is_noticed() {
    let walks = walk::covering();
    for kind in [
        "an absent key claims: is had",
        "its own claim claims: is owned",
        "another's claim claims: is in flight",
        "another's lapsed claim claims: is had",
        "another's lapsed claim claims: is a suspect",
        "another's lapsed claim claims alone: is had, its host died alone",
        "another's commit claims: is a mismatch",
        "its own lapsed claim commits: is applied",
        "a released key commits: is applied late",
        "an absent key commits what is out: is applied late",
        "a forgotten key commits: is lost",
        "a key released after it was forgotten commits: is lost",
        "its own dead key is requeued: is done",
        "another's commit is requeued: is kept",
    ] {
        assert!(walks.iter().any(|(name, _)| name == kind), "no walk shows: {kind}");
    }
    let (_, walk) = walks.iter().find(|(name, _)| name == "its own claim commits: is applied").unwrap();
    let mut history = History::new("wrong").of(walk);
    assert_eq!(play(&mut MemoryBench::new(), &history), Ok(()));
    for asked in &mut history {
        if let Asked::Settle(_, outcome) = asked {
            *outcome = SettleOutcome::Lost { key: 0 };
        }
    }
    assert!(play(&mut MemoryBench::new(), &history).is_err());
}
