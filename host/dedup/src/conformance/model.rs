//! A record's life, said once more and plainly: what the stores are held to.
//!
//! Written down from the protocol, not from the stores' rules, and it must stay so: it shares the words of a
//! question and of an answer with them, and no code. Here a life has dates, where a stored record has counts
//! down; here an end is looked up in a list of who may do what, where the stores compare fences.

use std::collections::HashMap;

use crate::store::{
    Absent, Action, Claim, ClaimOutcome, Committed, Forgotten, Granted, KeySettle, Marked, Requeued,
    SettleOutcome, Settlement,
};
use crate::{AttemptId, Fence, Fingerprint, Key, Origin, Record, State};

/// A store, as one would explain it.
#[derive(Debug, Default, Clone)]
pub struct Model {
    now_ms: u64,
    lives: HashMap<Key, Life>,
}

#[derive(Debug, Clone)]
struct Life {
    stage: Stage,
    sequence: u64,
    /// The attempt that claimed or ended it last; none after a forget.
    by: Option<AttemptId>,
    failures: u32,
    deaths: u32,
    print: Option<Fingerprint>,
    first_error: String,
    gone_at_ms: u64,
    /// An operator forgot it, and it was neither done nor given up since.
    forgotten: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    Held { until_ms: u64, keep_ms: u64, alone: bool, died_alone: bool },
    Free,
    Done { receipt: Option<Vec<u8>> },
    Dead { reason: String, origin: Origin },
}

impl Life {
    fn fence(&self) -> Fence {
        Fence { sequence: self.sequence, attempt: self.by.unwrap_or(AttemptId::from_bytes([0; 16])) }
    }

    fn bears(&self, fence: Fence) -> bool {
        self.fence() == fence
    }

    fn grant(&self) -> Granted {
        let died_alone = matches!(self.stage, Stage::Held { died_alone: true, .. });
        Granted { fence: self.fence(), attempts: self.failures, host_deaths: self.deaths, died_alone }
    }
}

/// What an end may do to a record.
enum May {
    /// Change it; late or in time.
    Change { late: bool },
    /// Nothing, because that is done.
    Rest,
    /// Nothing, because it is somebody else's.
    Not,
}

impl Model {
    /// Lets time go by.
    pub fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        let now_ms = self.now_ms;
        self.lives.retain(|_, life| life.gone_at_ms > now_ms);
    }

    /// The owners of all claims are known to be gone.
    pub fn void_claims(&mut self) {
        for life in self.lives.values_mut() {
            if let Stage::Held { until_ms, .. } = &mut life.stage {
                *until_ms = 0;
            }
        }
    }

    /// Claims one key.
    pub fn claim(&mut self, claim: &Claim) -> ClaimOutcome {
        let now_ms = self.now_ms;
        let (mut failures, mut deaths, mut died_alone) = (1, 0, false);
        let (mut sequence, mut first_error, mut forgotten) = (1, String::new(), false);
        if let Some(life) = self.lives.get(&claim.key) {
            (failures, deaths) = (life.failures, life.deaths);
            (sequence, first_error) = (life.sequence + 1, life.first_error.clone());
            forgotten = life.forgotten;
            match &life.stage {
                Stage::Done { receipt } => {
                    if let (Some(stored), Some(asked)) = (life.print, claim.fingerprint)
                        && stored != asked
                    {
                        return ClaimOutcome::Mismatch { stored };
                    }
                    return ClaimOutcome::Committed(Committed {
                        receipt: receipt.clone(),
                        fingerprint: life.print,
                        left_ms: life.gone_at_ms - now_ms,
                    });
                }
                Stage::Dead { reason, origin } => {
                    return ClaimOutcome::Dead { reason: reason.clone(), origin: Some(*origin) };
                }
                Stage::Held { .. } if life.by == Some(claim.attempt) => {
                    return ClaimOutcome::Owned(life.grant());
                }
                Stage::Held { until_ms, .. } if *until_ms > now_ms => {
                    return ClaimOutcome::InFlight { left_ms: until_ms - now_ms };
                }
                // Nobody came back: a host died, which is no failure of the handler's.
                Stage::Held { alone, .. } => {
                    deaths += 1;
                    died_alone = *alone && deaths > claim.suspect_after;
                }
                Stage::Free => failures += 1,
            }
            if deaths > claim.suspect_after && !claim.alone {
                return ClaimOutcome::Suspect { host_deaths: deaths };
            }
        }
        let until_ms = now_ms + claim.lease_ms;
        let stage = Stage::Held { until_ms, keep_ms: claim.keep_ms, alone: claim.alone, died_alone };
        let life = Life {
            stage,
            sequence,
            by: Some(claim.attempt),
            failures,
            deaths,
            print: claim.fingerprint,
            first_error,
            gone_at_ms: until_ms + claim.keep_ms,
            forgotten,
        };
        let granted = life.grant();
        self.lives.insert(claim.key.clone(), life);
        ClaimOutcome::First(granted)
    }

    /// Says how a delivery would end.
    pub fn check(&self, settlement: &Settlement) -> SettleOutcome {
        let mut late_keys = 0;
        for (index, end) in settlement.keys.iter().enumerate() {
            match self.may(end, settlement.absent) {
                May::Change { late } => late_keys += u32::from(late),
                May::Rest => {}
                May::Not => return SettleOutcome::Lost { key: index },
            }
        }
        SettleOutcome::Applied { late: late_keys }
    }

    /// Ends a delivery: all of its keys, or none.
    pub fn settle(&mut self, settlement: &Settlement) -> SettleOutcome {
        let outcome = self.check(settlement);
        if !matches!(outcome, SettleOutcome::Applied { .. }) {
            return outcome;
        }
        let lives: Vec<_> = settlement
            .keys
            .iter()
            .filter_map(|end| match self.may(end, settlement.absent) {
                May::Change { late } => Some((end.key.clone(), self.after(end, late))),
                May::Rest | May::Not => None,
            })
            .collect();
        let now_ms = self.now_ms;
        self.lives.extend(lives);
        self.lives.retain(|_, life| life.gone_at_ms > now_ms);
        outcome
    }

    fn may(&self, end: &KeySettle, absent: Absent) -> May {
        let releases = matches!(end.action, Action::Release { .. });
        let Some(life) = self.lives.get(&end.key) else {
            return match absent {
                _ if releases => May::Rest,
                Absent::Accept => May::Change { late: true },
                Absent::Refuse => May::Not,
            };
        };
        let same_attempt = life.by == Some(end.fence.attempt);
        match &life.stage {
            Stage::Held { .. } if life.bears(end.fence) => May::Change { late: false },
            Stage::Free if releases && life.bears(end.fence) => May::Rest,
            Stage::Free if !releases && !life.forgotten => May::Change { late: !life.bears(end.fence) },
            Stage::Done { .. } if same_attempt && matches!(end.action, Action::Commit { .. }) => May::Rest,
            Stage::Dead { .. } if same_attempt && matches!(end.action, Action::Die { .. }) => May::Rest,
            _ => May::Not,
        }
    }

    fn after(&self, end: &KeySettle, late: bool) -> Life {
        let before = self.lives.get(&end.key);
        let mut failures = before.map_or(1, |life| life.failures);
        let mut first_error = before.map_or(String::new(), |life| life.first_error.clone());
        let (stage, life_ms) = match &end.action {
            Action::Commit { receipt, window_ms } => {
                first_error.clear();
                (Stage::Done { receipt: receipt.clone() }, *window_ms)
            }
            Action::Die { reason, origin, window_ms } => {
                first_error.clear();
                (Stage::Dead { reason: reason.clone(), origin: *origin }, *window_ms)
            }
            Action::Release { failed, error, keep_ms } => {
                if !failed {
                    failures = failures.saturating_sub(1);
                }
                if first_error.is_empty() {
                    first_error.clone_from(error);
                }
                (Stage::Free, *keep_ms)
            }
        };
        let sequence = match before {
            Some(life) if late => life.sequence + 1,
            _ => end.fence.sequence,
        };
        Life {
            stage,
            sequence,
            by: Some(end.fence.attempt),
            failures,
            deaths: before.map_or(0, |life| life.deaths),
            print: end.fingerprint,
            first_error,
            gone_at_ms: self.now_ms + life_ms,
            forgotten: matches!(end.action, Action::Release { .. })
                && before.is_some_and(|life| life.forgotten),
        }
    }

    /// Forgets a key.
    pub fn forget(&mut self, key: &Key, expected: Option<Fence>, keep_ms: u64) -> Forgotten {
        let Some(life) = self.lives.get_mut(key) else { return Forgotten::Absent };
        if expected.is_some_and(|fence| !life.bears(fence)) {
            return Forgotten::Changed(life.fence());
        }
        self.free(key, keep_ms);
        Forgotten::Done
    }

    /// Nothing of what was is left but that it was.
    fn free(&mut self, key: &Key, keep_ms: u64) {
        let now_ms = self.now_ms;
        if let Some(life) = self.lives.get_mut(key) {
            *life = Life {
                stage: Stage::Free,
                sequence: life.sequence + 1,
                by: None,
                failures: 0,
                deaths: 0,
                print: None,
                first_error: String::new(),
                gone_at_ms: now_ms + keep_ms,
                forgotten: true,
            };
        }
        self.lives.retain(|_, life| life.gone_at_ms > now_ms);
    }

    /// Takes an operator's word that a key's effect has happened.
    pub fn commit_for(&mut self, key: &Key, expected: Option<Fence>, window_ms: u64) -> Marked {
        let new = Life {
            stage: Stage::Done { receipt: None },
            sequence: 1,
            by: None,
            failures: 0,
            deaths: 0,
            print: None,
            first_error: String::new(),
            gone_at_ms: self.now_ms + window_ms,
            forgotten: false,
        };
        let life = match (self.lives.get(key), expected) {
            (None, Some(_)) => return Marked::Absent,
            (None, None) => new,
            (Some(Life { stage: Stage::Done { .. }, by: None, .. }), _) => return Marked::Done,
            (Some(life @ Life { stage: Stage::Done { .. }, .. }), _) => {
                return Marked::Committed(life.fence());
            }
            (Some(life), Some(fence)) if !life.bears(fence) => return Marked::Changed(life.fence()),
            (Some(old), _) => Life {
                sequence: old.sequence + 1,
                failures: old.failures,
                deaths: old.deaths,
                print: old.print,
                ..new
            },
        };
        self.lives.insert(key.clone(), life);
        Marked::Done
    }

    /// Gives a dead key another life.
    pub fn requeue(&mut self, key: &Key, fence: Fence, keep_ms: u64) -> Requeued {
        let Some(life) = self.lives.get(key) else { return Requeued::Absent };
        let (now, state) = (life.fence(), self.get(key).map_or(State::Released, |(record, _)| record.state));
        match life.stage {
            Stage::Dead { .. } if life.by == Some(fence.attempt) => {
                self.free(key, keep_ms);
                Requeued::Done
            }
            Stage::Free if life.forgotten && life.by.is_none() && life.sequence >= fence.sequence => {
                Requeued::Done
            }
            _ => Requeued::Kept { state, fence: now },
        }
    }

    /// What an operator would be shown: the record, and what is left of its life (ms).
    pub fn get(&self, key: &Key) -> Option<(Record, u64)> {
        let life = self.lives.get(key)?;
        let mut record = Record {
            state: State::Released,
            fence: life.fence(),
            attempts: life.failures,
            host_deaths: life.deaths,
            keep_ms: 0,
            fingerprint: life.print,
            forgotten: life.forgotten,
            alone: false,
            died_alone: false,
            origin: None,
            text: life.first_error.clone(),
            receipt: None,
        };
        match &life.stage {
            Stage::Held { keep_ms, alone, died_alone, .. } => {
                record.state = State::Claimed;
                record.keep_ms = *keep_ms;
                (record.alone, record.died_alone) = (*alone, *died_alone);
            }
            Stage::Free => {}
            Stage::Done { receipt } => {
                record.state = State::Committed;
                record.receipt.clone_from(receipt);
            }
            Stage::Dead { reason, origin } => {
                record.state = State::Dead;
                record.text.clone_from(reason);
                record.origin = Some(*origin);
            }
        }
        Some((record, life.gone_at_ms - self.now_ms))
    }
}
