//! What must hold of what a run left behind.

use std::collections::BTreeMap;

use oncegate_dedup::State;

use crate::counts::Met;
use crate::facts::{effect_id, effect_of, key_name};
use crate::plan::{Body, BodyEnd, Fault, Plan, Shape};
use crate::world::World;

/// Looks at all of it.
pub fn look(world: &mut World) {
    let found = [lost(world), unexpected(world), doubled(world), dead(world), claimed(world)];
    found.into_iter().flatten().for_each(|what| world.facts.violated(what));
}

/// What was published and is held by the broker, but neither has its effects nor a dead letter.
fn lost(world: &World) -> Vec<String> {
    let stream = &world.servers[world.broker()].data.stream;
    let ids: Vec<(&str, Option<usize>)> = (world.outs().filter(|out| !out.dead))
        .map(|out| (out.id.as_str(), effect_of(&out.text).map(|(body, _, _)| body)))
        .collect();
    let mut lost = Vec::new();
    for entry in &stream.entries {
        let body = &world.plan.bodies[entry.body];
        if world.has_dead_letter(entry.number) {
            continue;
        }
        let keys: Vec<Option<u32>> =
            if body.keys.is_empty() { vec![None] } else { body.keys.iter().copied().map(Some).collect() };
        for (key, index) in keys.iter().flat_map(|key| (0..body.outputs).map(move |index| (*key, index))) {
            let id = effect_id(key, entry.number, index);
            // Where payloads do not matter, another message may have had the effect.
            let same = |of: Option<usize>| of == Some(entry.body) || !world.plan.policy.fingerprint;
            let is_its = |(out, of): &(&str, Option<usize>)| *out == id && same(*of);
            if !ids.iter().any(is_its) {
                lost.push(format!("LOST: m{} has neither its effect {id} nor a dead letter", entry.number));
            }
        }
    }
    lost
}

/// Effects that no message has.
fn unexpected(world: &World) -> Vec<String> {
    let expected = |id: &str, text: &str| {
        let (body, key, index) = effect_of(text)?;
        let of = world.plan.bodies.get(body)?;
        let is_its = match key {
            Some(key) => of.keys.contains(&key) && id == effect_id(Some(key), 0, index),
            None => {
                let mut sent = world.plan.published.iter().enumerate().filter(|(_, sent)| sent.body == body);
                of.keys.is_empty() && sent.any(|(number, _)| id == effect_id(None, number, index))
            }
        };
        (is_its && index < of.outputs && matches!(of.end, BodyEnd::Commits | BodyEnd::Fails(_))).then_some(())
    };
    let strange = world.outs().filter(|out| !out.dead && expected(&out.id, &out.text).is_none());
    strange.map(|out| format!("UNEXPECTED: the effect {} ({})", out.id, out.text)).collect()
}

/// Effects that came more than once without an excuse.
fn doubled(world: &mut World) -> Vec<String> {
    let mut times: BTreeMap<(bool, String), u64> = BTreeMap::new();
    for out in world.outs() {
        *times.entry((out.dead, out.id.clone())).or_default() += 1;
    }
    let mut doubled = Vec::new();
    for ((dead, id), times) in times.into_iter().filter(|(_, times)| *times > 1) {
        let forgotten = (world.facts.forgotten.iter())
            .filter(|(key, _)| id.starts_with(&format!("sim/k/{}/", key.name())))
            .map(|(_, times)| u64::from(*times))
            .sum::<u64>();
        match world.plan.shape {
            Shape::Atomic if times <= 1 + forgotten => {}
            Shape::Atomic => doubled.push(format!("DOUBLED in the transaction: {id} came {times} times")),
            // A dead letter outside a transaction has no id that anybody counts by.
            Shape::Ordered if dead => {}
            Shape::Ordered if world.facts.is_excused(&id) => {
                world.counts.add(Met::EffectsDoubledAndExplained, times - 1);
            }
            Shape::Ordered => {
                doubled.push(format!("DOUBLED without a fault to explain it: {id} came {times} times"))
            }
        }
    }
    doubled
}

/// Dead letters of messages that nothing was wrong with.
fn dead(world: &World) -> Vec<String> {
    let mut strange = Vec::new();
    for out in world.outs().filter(|out| out.dead) {
        let message = out.id.strip_prefix('m').and_then(|number| number.parse::<usize>().ok());
        let Some(sent) = message.and_then(|number| world.plan.published.get(number)) else {
            strange.push(format!("UNEXPECTED: a dead letter of {}", out.id));
            continue;
        };
        if !may_die(&world.plan, sent.body, &out.text) {
            strange.push(format!("UNEXPECTED: {} is a dead letter: {}", out.id, out.text));
        }
    }
    strange
}

/// Whether a message of this body may be given up for this reason.
fn may_die(plan: &Plan, number: usize, reason: &str) -> bool {
    let body = &plan.bodies[number];
    let others = plan.bodies.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
    let shares = |other: &Body| other.keys.iter().any(|key| body.keys.contains(key));
    let is_fatal = |body: &Body| matches!(body.end, BodyEnd::Rejects | BodyEnd::AlwaysFails);
    let any = |is: fn(&Fault) -> bool| plan.faults.iter().any(is);
    let hosts_die =
        any(|fault| matches!(fault, Fault::Crash { .. } | Fault::Pause { .. } | Fault::Cut { .. }))
            || any(|fault| {
                matches!(
                    fault,
                    Fault::Stop { .. } | Fault::Stall { .. } | Fault::Failover { .. } | Fault::Empty { .. }
                )
            });
    let named = body.keys.iter().any(|key| reason.contains(&key_name(*key)));
    match reason.split(':').next().unwrap_or_default() {
        "rejected" => body.end == BodyEnd::Rejects,
        "mismatch" => named && others.clone().any(shares),
        "effect without commit" => body.keys.is_empty() && !plan.policy.free,
        "host died" => hosts_die,
        // What always fails uses up the attempts of those that share its keys.
        text if text.starts_with("attempts used up") => {
            is_fatal(body)
                || hosts_die
                || others.clone().any(|other| shares(other) && other.end != BodyEnd::Commits)
        }
        // One that was given up gives up those that share its keys, and they those that share theirs.
        "key is dead" => plan.bodies.iter().any(is_fatal) || hosts_die || shares_dead(plan),
        _ => false,
    }
}

/// Whether a message with a key may be given up for something that another one has done.
fn shares_dead(plan: &Plan) -> bool {
    let keys = |body: &Body| body.keys.clone();
    let all: Vec<u32> = plan.bodies.iter().flat_map(keys).collect();
    all.iter().any(|key| all.iter().filter(|other| *other == key).count() > 1)
}

/// Claims that somebody still holds, although nothing went wrong. After a fault a claim may be left to lapse.
fn claimed(world: &World) -> Vec<String> {
    if !world.plan.faults.is_empty() {
        return Vec::new();
    }
    let now_ms = world.now_ms();
    let data = &world.servers[0].data;
    let is_held = |key: &&oncegate_dedup::Key| {
        data.load(key, now_ms)
            .is_some_and(|held| held.record.state == State::Claimed && held.lease_left_ms() > 0)
    };
    let held = data.records.keys().filter(is_held);
    held.map(|key| format!("LIVENESS: the claim of {} is held by nobody who is there", key.name())).collect()
}
