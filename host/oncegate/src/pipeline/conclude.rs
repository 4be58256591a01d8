//! What follows from the end of an invocation: the verdict, and the lines that it writes.

use oncegate_broker::Malformed;
use oncegate_dedup::{Attempt, Death, Deferral, DuplicateBy, KeyName, Shadowed, Verdict};
use oncegate_sandbox::{Invocation, StagedOutput};

use super::task::{Item, Plan, Task};
use super::{Invoke, Outputs, Shared, conduct};
use crate::summary::{End, Event};
use crate::{logs, outputs};

/// What is to be done with a delivery whose handler has ended.
pub(crate) enum Concluded {
    /// Nothing more: it holds no claim, writes nothing and has nobody to report to.
    Done(Box<Task>, End),
    /// Settle it.
    Settle(Box<Item>),
    /// Nothing to settle; make it again.
    Again(Box<Task>, Plan),
    /// Stop the run: the store is a newer host's.
    Stop(String),
}

pub(crate) fn conclude(
    shared: &Shared,
    invoke: &impl Invoke,
    mut task: Box<Task>,
    invocation: Invocation,
) -> Concluded {
    let Invocation { attempt, end, faulted, outputs, refused_topic, logs, recycled, .. } = invocation;
    if let Some(why) = recycled {
        shared.tally.add(Event::Recycled, 1);
        logs::recycled(&why, shared.rules.log_level, &task.message.id);
    }
    logs::show(&logs, shared.rules.log_level, &shared.rules.limits, &task.message.id);
    if attempt.first_claim().is_some_and(|(key, _)| key.name() == KeyName::Plain(task.message.id.as_bytes()))
    {
        shared.warn_of_id();
    }
    if let Some(topic) = refused_topic {
        shared.warn_of_topic(&topic);
    }
    let mut verdict = attempt.verdict(&end, task.failures);
    let gated = shared.rules.outputs == Outputs::Gated;
    if verdict == Verdict::Apply
        && gated
        && let Some(death) = outputs::uncovered(&attempt, &outputs)
    {
        verdict = Verdict::Die(death);
    }
    verdict = conduct::judge(shared, invoke, &mut task, faulted, &attempt, verdict);
    if verdict == Verdict::Apply {
        count_what_was_not_gated(shared, &attempt);
    }
    let plan = match &verdict {
        Verdict::Apply => Plan::Finish(applied(&attempt, &outputs)),
        Verdict::Die(death) => Plan::Finish(died(death)),
        Verdict::DiedBefore(_) => Plan::Finish(End::Dead),
        Verdict::Fail(why) => {
            // A dead letter says why itself; of what is made again nobody else would hear.
            logs::failed(why, shared.rules.log_level, &task.message.id);
            Plan::Redeliver { failed: true, within_ms: None }
        }
        Verdict::Defer(deferral) => put_off(shared, &mut task, deferral),
        Verdict::Stop(why) => return Concluded::Stop(why.clone()),
    };
    let (mut output, mut dead_letter, mut written) = (Vec::new(), Vec::new(), 0);
    match &verdict {
        Verdict::Apply => {
            written = outputs.len() as u64;
            let encoder = shared.rules.output_encoder.as_ref();
            outputs::encode(&attempt, &task.message.id, outputs, encoder, &mut output);
        }
        Verdict::Die(death) => {
            let encoder = shared.rules.dead_letter_encoder.as_ref();
            outputs::encode_dead_letter(&attempt, &task.message, death, encoder, &mut dead_letter);
        }
        _ => {}
    }
    let ending = attempt.end(&verdict);
    if ending.is_empty() && output.is_empty() && dead_letter.is_empty() {
        match plan {
            Plan::Finish(end) if task.ticket.is_none() => return Concluded::Done(task, end),
            Plan::Finish(_) => {}
            plan => return Concluded::Again(task, plan),
        }
    }
    let ending = Some(ending);
    Concluded::Settle(Box::new(Item {
        ticket: task.ticket,
        task: Some(task),
        ending,
        plan,
        output,
        outputs: written,
        dead_letter,
    }))
}

/// What was handled although the gate did not say so: in an outage that is open, or in a trial run.
fn count_what_was_not_gated(shared: &Shared, attempt: &Attempt) {
    if attempt.unguarded() > 0 {
        shared.tally.add(Event::Unguarded, 1);
    }
    match attempt.shadow() {
        Some(Shadowed::Duplicate) => shared.tally.add(Event::WouldSuppress, 1),
        Some(_) => shared.tally.add(Event::WouldDiffer, 1),
        None => {}
    }
}

fn applied(attempt: &Attempt, outputs: &[StagedOutput]) -> End {
    if attempt.staged() > 0 {
        return End::Applied;
    }
    if !outputs.is_empty() {
        return End::Unkeyed;
    }
    match attempt.duplicate_by() {
        Some(DuplicateBy::L1) => End::DuplicateL1,
        Some(DuplicateBy::Store) => End::DuplicateStore,
        Some(DuplicateBy::Waiting) => End::DuplicateWaited,
        None => End::NoEffect,
    }
}

fn died(death: &Death) -> End {
    match death {
        Death::Rejected(_) => End::Rejected,
        Death::Mismatch { .. } => End::Mismatch,
        Death::AttemptsUsedUp { .. } => End::AttemptsUsedUp,
        Death::HostDied { .. } => End::HostDied,
        Death::KeyIsDead(_) => End::Dead,
        Death::Unreadable(_) => End::Unreadable,
        Death::EffectWithoutCommit(_) => End::EffectWithoutCommit,
    }
}

fn put_off(shared: &Shared, task: &mut Task, deferral: &Deferral) -> Plan {
    let within_ms = match deferral {
        Deferral::InFlight(left_ms) => Some(*left_ms),
        Deferral::Suspect(_) => {
            task.alone = true;
            Some(0)
        }
        Deferral::Unavailable(why) => {
            shared.outage.say(why);
            None
        }
        Deferral::TooLate | Deferral::Withheld => None,
    };
    Plan::Redeliver { failed: false, within_ms }
}

/// What is not a message goes to the dead letters as it is; there is no claim to settle.
pub(crate) fn malformed(shared: &Shared, malformed: &Malformed) -> Item {
    let mut dead_letter = Vec::new();
    shared.rules.dead_letter_encoder.malformed(malformed, &shared.rules.topic, &mut dead_letter);
    Item {
        task: None,
        ticket: malformed.ticket,
        ending: None,
        plan: Plan::Finish(End::Malformed),
        output: Vec::new(),
        outputs: 0,
        dead_letter,
    }
}
