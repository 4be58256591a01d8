//! Random stories: what three attempts, an operator, time and crashes do to two keys.

use std::cell::Cell;
use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::history::{same_claim, same_record};
use super::{Bench, Model, Reopened, block_on};
use crate::store::{
    Absent, Action, Claim, ClaimOutcome, KeySettle, Marked, Requeued, SettleOutcome, Settlement,
};
use crate::{AttemptId, Fence, Fingerprint, Key, Namespace, Origin, State};

const MINUTE_MS: u64 = 60_000;
/// All times are whole minutes, apart from single milliseconds that are let go by: where a store's clock goes
/// on by itself, a story that lasts less than a minute meets no edge earlier than the model.
const LEASE_MS: u64 = 10 * MINUTE_MS;
const KEEPS_MS: [u64; 2] = [30 * MINUTE_MS, 60 * MINUTE_MS];
const WINDOW_MS: u64 = 180 * MINUTE_MS;
const SPANS_MS: [u64; 10] = [
    0,
    1,
    MINUTE_MS,
    LEASE_MS - MINUTE_MS,
    LEASE_MS,
    KEEPS_MS[0],
    LEASE_MS + KEEPS_MS[0],
    WINDOW_MS - MINUTE_MS,
    WINDOW_MS,
    WINDOW_MS + MINUTE_MS,
];

/// One step of a story.
#[derive(Debug, Clone)]
enum Step {
    Claim {
        attempt: usize,
        keys: Vec<usize>,
        print: Option<u8>,
        suspect_after: u32,
        alone: bool,
        keep: usize,
    },
    Settle {
        check: bool,
        deliveries: Vec<Delivery>,
    },
    /// The last settle or check once more, as if its reply had been lost.
    Again,
    Forget {
        key: usize,
        expected: Option<(usize, Which)>,
    },
    CommitFor {
        key: usize,
        expected: Option<(usize, Which)>,
    },
    /// With the fence of an attempt's dead letter.
    Requeue {
        key: usize,
        attempt: usize,
        which: Which,
    },
    Advance(u64),
    Reopen,
}

#[derive(Debug, Clone)]
struct Delivery {
    attempt: usize,
    ends: Vec<(usize, Which, Action)>,
    print: Option<u8>,
    absent: Absent,
}

/// Which fence an attempt shows.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// That of its last claim of the key; if it has none, one that it never got.
    Last,
    /// That of its first claim of the key.
    First,
    /// One that nobody ever got.
    Wrong,
}

fn any_print() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![4 => Just(Some(1)), 1 => Just(Some(2)), 1 => Just(None)]
}

fn any_which() -> impl Strategy<Value = Which> {
    prop_oneof![8 => Just(Which::Last), 2 => Just(Which::First), 1 => Just(Which::Wrong)]
}

fn any_action() -> impl Strategy<Value = Action> {
    let text = || prop::sample::select(vec!["", "out of money", "größer als 5\0"]).prop_map(str::to_owned);
    let receipt = prop::option::of(prop::collection::vec(any::<u8>(), 0..3));
    let keep_ms = || prop::sample::select(KEEPS_MS.to_vec());
    prop_oneof![
        5 => receipt.prop_map(|receipt| Action::Commit { receipt, window_ms: WINDOW_MS }),
        5 => (any::<bool>(), text(), keep_ms())
            .prop_map(|(failed, error, keep_ms)| Action::Release { failed, error, keep_ms }),
        2 => (text(), 0u8..2).prop_map(|(reason, origin)| {
            Action::Die { reason, origin: Origin::from_bytes([origin; 16]), window_ms: WINDOW_MS }
        }),
    ]
}

fn any_delivery() -> impl Strategy<Value = Delivery> {
    let ends = prop::collection::vec((0..2usize, any_which(), any_action()), 0..=3);
    let absent = prop_oneof![3 => Just(Absent::Refuse), 1 => Just(Absent::Accept)];
    (0..3usize, ends, any_print(), absent).prop_map(|(attempt, ends, print, absent)| Delivery {
        attempt,
        ends,
        print,
        absent,
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let claim = (
        0..3usize,
        prop::collection::vec(0..2usize, 1..=3),
        any_print(),
        0..3u32,
        prop::bool::weighted(0.3),
        0..2usize,
    );
    let settle = (prop::bool::weighted(0.15), prop::collection::vec(any_delivery(), 1..=3));
    let expected = || prop::option::of((0..3usize, any_which()));
    let requeue = (0..2usize, 0..3usize, any_which());
    prop_oneof![
        10 => claim.prop_map(|(attempt, keys, print, suspect_after, alone, keep)| {
            Step::Claim { attempt, keys, print, suspect_after, alone, keep }
        }),
        10 => settle.prop_map(|(check, deliveries)| Step::Settle { check, deliveries }),
        2 => Just(Step::Again),
        1 => (0..2usize, expected()).prop_map(|(key, expected)| Step::Forget { key, expected }),
        1 => (0..2usize, expected()).prop_map(|(key, expected)| Step::CommitFor { key, expected }),
        2 => requeue.prop_map(|(key, attempt, which)| Step::Requeue { key, attempt, which }),
        5 => prop::sample::select(SPANS_MS.to_vec()).prop_map(Step::Advance),
        1 => Just(Step::Reopen),
    ]
}

/// From so many stories on they have to meet everything: fewer are only a look.
const ENOUGH: u32 = 200;

/// How often as many stories again are played if something was not met, which is a matter of chance.
const MOST_ROUNDS: u32 = 20;

/// Plays stories until one fails, which is then told in its shortest form.
pub fn hold<B: Bench>(make: impl Fn() -> B, stories: u32) {
    // What the stories must have shown, or they would prove nothing.
    let seen = Seen::default();
    for _ in 0..MOST_ROUNDS {
        play(&make, stories, &seen);
        if stories < ENOUGH || seen.missing().is_none() {
            return;
        }
    }
    if let Some(name) = seen.missing() {
        panic!("an empty victory: no story met {name:?}");
    }
}

fn play<B: Bench>(make: &impl Fn() -> B, stories: u32, seen: &Seen) {
    let config = Config { cases: stories, failure_persistence: None, ..Config::default() };
    let told = TestRunner::new(config).run(&prop::collection::vec(any_step(), 1..40), |steps| {
        let mut teller = Teller::new(make());
        for (number, step) in steps.iter().enumerate() {
            teller.play(step, seen).map_err(|what| TestCaseError::fail(format!("step {number}: {what}")))?;
        }
        Ok(())
    });
    if let Err(error) = told {
        panic!("a story went otherwise than the model says: {error}");
    }
}

/// How often each kind of answer was met.
#[derive(Debug, Default)]
struct Seen([Cell<u32>; 15]);

impl Seen {
    const NAMES: [&str; 15] = [
        "first",
        "owned",
        "in flight",
        "committed",
        "mismatch",
        "dead",
        "suspect",
        "taken over",
        "died alone",
        "applied",
        "late",
        "lost",
        "lost behind another key",
        "committed by hand",
        "requeued",
    ];

    fn count(&self, name: &str) {
        for (cell, known) in self.0.iter().zip(Self::NAMES) {
            if known == name {
                cell.set(cell.get() + 1);
            }
        }
    }

    fn claim(&self, outcome: &ClaimOutcome) {
        self.count(match outcome {
            ClaimOutcome::First(granted) => {
                if granted.host_deaths > 0 {
                    self.count("taken over");
                }
                if granted.died_alone {
                    self.count("died alone");
                }
                "first"
            }
            ClaimOutcome::Owned(_) => "owned",
            ClaimOutcome::InFlight { .. } => "in flight",
            ClaimOutcome::Committed(_) => "committed",
            ClaimOutcome::Mismatch { .. } => "mismatch",
            ClaimOutcome::Dead { .. } => "dead",
            ClaimOutcome::Suspect { .. } => "suspect",
            ClaimOutcome::Unreadable(_) | ClaimOutcome::Unavailable(_) => "never",
        });
    }

    fn settle(&self, outcome: &SettleOutcome) {
        match outcome {
            SettleOutcome::Applied { late } => self.count(if *late > 0 { "late" } else { "applied" }),
            SettleOutcome::Lost { key: 0 } => self.count("lost"),
            SettleOutcome::Lost { .. } => self.count("lost behind another key"),
            SettleOutcome::Unreadable(_) | SettleOutcome::Unavailable(_) => {}
        }
    }

    /// The first kind that was never met.
    fn missing(&self) -> Option<&'static str> {
        self.0.iter().zip(Self::NAMES).find(|(cell, _)| cell.get() == 0).map(|(_, name)| name)
    }
}

/// Plays a story on a store and on the model at once.
struct Teller<B> {
    bench: B,
    model: Model,
    keys: [Key; 2],
    /// The fences that an attempt got for a key, in their order.
    fences: HashMap<(usize, usize), Vec<Fence>>,
    last_settle: Option<(bool, Vec<Settlement>)>,
}

impl<B: Bench> Teller<B> {
    fn new(bench: B) -> Self {
        let namespace = Namespace::new("stories").expect("a namespace");
        // One of them is the empty one: at this level it is a key like any other.
        let keys = [Key::new(&namespace, b""), Key::new(&namespace, b"a{b}:\0\xff*")];
        Self { bench, model: Model::default(), keys, fences: HashMap::new(), last_settle: None }
    }

    fn play(&mut self, step: &Step, seen: &Seen) -> Result<(), String> {
        match step {
            Step::Claim { attempt, keys, print, suspect_after, alone, keep } => {
                let claims: Vec<Claim> = keys
                    .iter()
                    .map(|&key| Claim {
                        key: self.keys[key].clone(),
                        attempt: attempt_id(*attempt),
                        fingerprint: print.map(fingerprint),
                        lease_ms: LEASE_MS,
                        keep_ms: KEEPS_MS[*keep],
                        suspect_after: *suspect_after,
                        alone: *alone,
                    })
                    .collect();
                self.claim(&claims, seen)?;
            }
            Step::Settle { check, deliveries } => {
                let settlements = deliveries.iter().map(|delivery| self.settlement(delivery)).collect();
                self.last_settle = Some((*check, settlements));
                self.settle(seen)?;
            }
            Step::Again => self.settle(seen)?,
            Step::Forget { key, expected } => self.forget(*key, *expected)?,
            Step::CommitFor { key, expected } => self.commit_for(*key, *expected, seen)?,
            Step::Requeue { key, attempt, which } => {
                let fence = self.fence(*attempt, *key, *which);
                self.requeue(*key, fence, seen)?;
            }
            Step::Advance(ms) => {
                self.bench.advance(*ms);
                self.model.advance(*ms);
            }
            Step::Reopen => match self.bench.reopen() {
                Reopened::NotApplicable | Reopened::Kept => {}
                Reopened::ClaimsVoid => self.model.void_claims(),
            },
        }
        self.look()
    }

    fn claim(&mut self, claims: &[Claim], seen: &Seen) -> Result<(), String> {
        let expected: Vec<_> = claims.iter().map(|claim| self.model.claim(claim)).collect();
        let found = block_on(self.bench.store().claim(claims));
        if found.len() != expected.len() {
            return Err(format!("{} answers to {} claims", found.len(), expected.len()));
        }
        for ((claim, found), expected) in claims.iter().zip(found).zip(expected) {
            if !same_claim(&found, &expected, self.bench.drift_ms()) {
                return Err(format!("the claim is {found:?}, and should be {expected:?}"));
            }
            seen.claim(&found);
            if let ClaimOutcome::First(granted) = found {
                let key = usize::from(claim.key == self.keys[1]);
                let attempt = usize::from(claim.attempt.as_bytes()[0]) - 1;
                self.fences.entry((attempt, key)).or_default().push(granted.fence);
            }
        }
        Ok(())
    }

    fn settlement(&self, delivery: &Delivery) -> Settlement {
        let keys = delivery.ends.iter().map(|(key, which, action)| KeySettle {
            key: self.keys[*key].clone(),
            fence: self.fence(delivery.attempt, *key, *which),
            fingerprint: delivery.print.map(fingerprint),
            action: action.clone(),
        });
        Settlement { keys: keys.collect(), absent: delivery.absent }
    }

    fn fence(&self, attempt: usize, key: usize, which: Which) -> Fence {
        let had = self.fences.get(&(attempt, key));
        let had = had.and_then(|had| match which {
            Which::Last => had.last(),
            Which::First => had.first(),
            Which::Wrong => None,
        });
        had.copied().unwrap_or(Fence { sequence: 1_000_000, attempt: attempt_id(attempt) })
    }

    fn settle(&mut self, seen: &Seen) -> Result<(), String> {
        let Some((check, settlements)) = &self.last_settle else { return Ok(()) };
        let store = self.bench.store();
        let (found, expected): (_, Vec<SettleOutcome>) = if *check {
            let expected = settlements.iter().map(|settlement| self.model.check(settlement)).collect();
            (block_on(store.check(settlements)), expected)
        } else {
            let expected = settlements.iter().map(|settlement| self.model.settle(settlement)).collect();
            (block_on(store.settle(settlements)), expected)
        };
        found.iter().for_each(|outcome| seen.settle(outcome));
        if found == expected {
            Ok(())
        } else {
            Err(format!("the settlements end as {found:?}, and should as {expected:?}"))
        }
    }

    fn forget(&mut self, key: usize, expected: Option<(usize, Which)>) -> Result<(), String> {
        let fence = expected.map(|(attempt, which)| self.fence(attempt, key, which));
        let key = &self.keys[key];
        let should = self.model.forget(key, fence, KEEPS_MS[0]);
        match block_on(self.bench.store().forget(key, fence, KEEPS_MS[0])) {
            Ok(found) if found == should => Ok(()),
            found => Err(format!("the forget answers {found:?}, and should {should:?}")),
        }
    }

    fn commit_for(
        &mut self,
        key: usize,
        expected: Option<(usize, Which)>,
        seen: &Seen,
    ) -> Result<(), String> {
        let fence = expected.map(|(attempt, which)| self.fence(attempt, key, which));
        let key = &self.keys[key];
        let before = self.model.get(key).is_some();
        let should = self.model.commit_for(key, fence, WINDOW_MS);
        if before && should == Marked::Done {
            seen.count("committed by hand");
        }
        match block_on(self.bench.store().commit_for(key, fence, WINDOW_MS)) {
            Ok(found) if found == should => Ok(()),
            found => Err(format!("the commit by hand answers {found:?}, and should {should:?}")),
        }
    }

    fn requeue(&mut self, key: usize, fence: Fence, seen: &Seen) -> Result<(), String> {
        let key = &self.keys[key];
        let dead = self.model.get(key).is_some_and(|(record, _)| record.state == State::Dead);
        let should = self.model.requeue(key, fence, KEEPS_MS[0]);
        if dead && should == Requeued::Done {
            seen.count("requeued");
        }
        match block_on(self.bench.store().requeue(key, fence, KEEPS_MS[0])) {
            Ok(found) if found == should => Ok(()),
            found => Err(format!("the requeue answers {found:?}, and should {should:?}")),
        }
    }

    /// After every step both keys must look as the model says.
    fn look(&self) -> Result<(), String> {
        for key in &self.keys {
            let found = block_on(self.bench.store().get(key)).map_err(|error| error.to_string())?;
            let expected = self.model.get(key);
            let same = same_record(found.as_ref(), expected.as_ref(), self.bench.drift_ms());
            if !same {
                return Err(format!("the record of {key:?} is {found:?}, and should be {expected:?}"));
            }
        }
        Ok(())
    }
}

fn attempt_id(attempt: usize) -> AttemptId {
    AttemptId::from_bytes([attempt as u8 + 1; 16])
}

fn fingerprint(print: u8) -> Fingerprint {
    Fingerprint::from_bytes([print; 16])
}
