//! What an invocation's end says about its handler, and what follows for the pipeline.

use oncegate_dedup::text::shown;
use oncegate_dedup::{Attempt, Death, Deferral, Verdict};

use super::quarantine::{Change, Conduct};
use super::task::Task;
use super::{Invoke, Shared};
use crate::exit::Exit;
use crate::fail;
use crate::summary::Event;
use crate::warning::warning;

/// How much of a cause is shown, in bytes.
const SHOWN_CAUSE_BYTES: usize = 300;

/// Takes note of how the handler did, and gives the verdict back: in a quarantine, what would be held against a delivery
/// is put off.
pub(super) fn judge(
    shared: &Shared,
    invoke: &impl Invoke,
    task: &mut Task,
    faulted: bool,
    attempt: &Attempt,
    verdict: Verdict,
) -> Verdict {
    let conduct = conduct(faulted, attempt, &verdict);
    let now_ms = shared.gate.clock().now_ms();
    let judgement = shared.quarantine.judge(task.version, task.probe.take(), conduct, now_ms);
    if let Some(change) = judgement.change {
        follow(shared, invoke, change, &cause(&verdict));
    }
    match judgement.is_withheld {
        true => Verdict::Defer(Deferral::Withheld),
        false => verdict,
    }
}

fn conduct(faulted: bool, attempt: &Attempt, verdict: &Verdict) -> Conduct {
    match verdict {
        Verdict::Apply if attempt.staged() == 0 && attempt.duplicate_by().is_some() => Conduct::Unknown,
        Verdict::Apply => Conduct::Good,
        Verdict::Fail(_) | Verdict::Die(Death::AttemptsUsedUp { .. }) if faulted => Conduct::Bad,
        Verdict::Fail(_) | Verdict::Die(Death::AttemptsUsedUp { .. }) => Conduct::Good,
        Verdict::Die(Death::Rejected(_) | Death::EffectWithoutCommit(_)) => Conduct::Bad,
        Verdict::Die(_) | Verdict::DiedBefore(_) | Verdict::Defer(_) | Verdict::Stop(_) => Conduct::Unknown,
    }
}

fn cause(verdict: &Verdict) -> String {
    let text = match verdict {
        Verdict::Fail(why) => why.clone(),
        Verdict::Die(death) => death.to_string(),
        _ => String::new(),
    };
    // Escaped where it came from; only its length is to be bounded here.
    shown(text.as_bytes(), SHOWN_CAUSE_BYTES)
}

fn follow(shared: &Shared, invoke: &impl Invoke, change: Change, cause: &str) {
    let (name, tally) = (&shared.rules.name, &shared.tally);
    match change {
        Change::Begun { bad, of, on_trial: true, .. } if invoke.give_way() => {
            warning!(
                "the pipeline {name} is back to the version of its plugin that it had before: the new one failed on {bad} \
                 of its first {of} messages; the last failure: {cause}"
            );
        }
        Change::Begun { bad, of, pause_ms, .. } => {
            tally.add(Event::Quarantine, 1);
            warning!(
                "the pipeline {name} is quarantined: its handler failed on {bad} of its last {of} messages; it takes \
                 none for {pause_ms} ms, then one to see; the last failure: {cause}"
            );
        }
        Change::Failed { in_a_row, pause_ms } => {
            tally.add(Event::FailedProbe, 1);
            warning!(
                "the pipeline {name} stays quarantined, for {pause_ms} ms more: probe {in_a_row} failed, too: {cause}"
            );
        }
        Change::GivenUp { in_a_row } => {
            tally.add(Event::FailedProbe, 1);
            shared.stop.finish_with(fail!(
                Exit::Quarantined,
                "the pipeline {name} is quarantined: its handler failed on too many messages, and on {in_a_row} probes \
                 after that; nothing is lost: mend the plugin and run again; the last failure: {cause}"
            ));
        }
        Change::Proven => invoke.proven(),
        Change::Over => warning!("the pipeline {name} is no longer quarantined: a probe ended well"),
    }
}
