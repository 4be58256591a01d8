//! Draws the plan of a run from its seed.

use crate::plan::{Body, BodyEnd, Broken, Fault, GATES, Gate, LINES, Plan, Policy, Publication, Shape, When};
use crate::rng::Rng;

/// How long messages are published and faults begin, in milliseconds.
const LIVELY_MS: u64 = 4_000;

/// The plan of this seed.
pub fn plan(seed: u64, broken: Option<Broken>) -> Plan {
    let mut rng = Rng::of(seed, 1);
    let shape = rng.pick(&[Shape::Atomic, Shape::Ordered]);
    let hosts = rng.between(2, 4) as usize;
    let policy = policy(&mut rng, shape);
    let bodies = bodies(&mut rng, &policy);
    let published = published(&mut rng, bodies.len());
    let mut plan = Plan { seed, shape, policy, hosts, bodies, published, faults: Vec::new(), broken };
    // One in sixteen goes without any fault: there nothing is excused.
    if !rng.chance(62) {
        plan.faults = faults(&mut rng, &plan);
    }
    plan
}

fn policy(rng: &mut Rng, shape: Shape) -> Policy {
    let lease_ms = rng.pick(&[400, 800, 1_600]);
    let margin_ms = lease_ms / rng.pick(&[4, 8]);
    let handler_limit_ms = (lease_ms - margin_ms) * rng.between(30, 95) / 100;
    let takeover_ms = lease_ms + margin_ms + rng.below(300);
    let backoff_ms = (rng.between(5, 40), rng.between(60, 300));
    Policy {
        lease_ms,
        margin_ms,
        handler_limit_ms,
        takeover_ms,
        keep_ms: 2 * takeover_ms.max(backoff_ms.1) + rng.below(4_000),
        in_flight_wait_ms: rng.pick(&[0, 20, 200, 1_000]),
        backoff_ms,
        max_attempts: rng.pick(&[6, 8]),
        host_deaths: rng.pick(&[1, 2, 20, 20]),
        // Without a key and outside a transaction, what comes again has its effect again.
        free: shape == Shape::Atomic && rng.chance(250),
        fingerprint: !rng.chance(250),
        l1: !rng.chance(200),
        replicated: shape == Shape::Ordered && rng.chance(300),
        replica_lag_ms: rng.pick(&[1, 10, 100]),
        patience_ms: rng.pick(&[100, 300, 1_000]),
        workers: rng.between(1, 2) as usize,
        concurrency: rng.pick(&[1, 2, 4, 8]),
        most_held: rng.pick(&[2, 8, 64]),
    }
}

fn bodies(rng: &mut Rng, policy: &Policy) -> Vec<Body> {
    let count = rng.between(4, 14) as u32;
    (0..count).map(|number| body(rng, policy, number, count)).collect()
}

fn body(rng: &mut Rng, policy: &Policy, number: u32, count: u32) -> Body {
    // Where the payload does not matter, all may name the same keys, in whatever order.
    let (shared, second) = if policy.fingerprint { (40, 250) } else { (400, 500) };
    let other = |rng: &mut Rng| rng.below(u64::from(count)) as u32;
    let mut keys = vec![if rng.chance(shared) { other(rng) } else { number }];
    if rng.chance(second) {
        // Either one of its own or another's.
        let key = if rng.chance(2 * shared) { other(rng) } else { number + 100 };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.len() == 2 && rng.chance(500) {
        keys.swap(0, 1);
    }
    let end = match rng.below(40) {
        0 => BodyEnd::Rejects,
        1 => BodyEnd::AlwaysFails,
        2..=7 => BodyEnd::Fails(rng.between(1, 2) as u32),
        8..=9 => {
            keys.clear();
            BodyEnd::Commits
        }
        _ => BodyEnd::Commits,
    };
    let outputs = if policy.fingerprint { rng.between(1, 2) as u32 } else { 1 };
    // What it waits for its keys must not make it run out of its own time.
    let work_ms = rng.pick(&[0, 0, 1, 5, 40, 150]).min(policy.handler_limit_ms / 10);
    Body { keys, outputs, end, work_ms }
}

fn published(rng: &mut Rng, bodies: usize) -> Vec<Publication> {
    let mut published = Vec::new();
    for body in 0..bodies {
        let first_ms = rng.below(LIVELY_MS);
        for copy in 0..rng.pick(&[1, 1, 2, 2, 3, 4]) {
            // A producer that sends again does so soon, or much later.
            let behind_ms = if copy == 0 { 0 } else { rng.pick(&[0, 1, 10, 100, 1_000]) };
            let at_ms = (first_ms + rng.below(behind_ms + 1)).min(LIVELY_MS);
            published.push(Publication { at_ms, body });
        }
    }
    published
}

fn faults(rng: &mut Rng, plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..rng.between(1, 9) {
        let fault = match rng.below(20) {
            0..=4 => crash(rng, plan),
            5..=8 => pause(rng, plan),
            9..=13 => cut(rng, plan),
            14 => stop(rng, plan),
            15 => Fault::Stall { server: server(rng, plan), at_ms: at(rng), ms: length(rng, plan) },
            16 => failover(rng, plan),
            17 => empty(rng, plan),
            18 => Fault::Forget { at_ms: at(rng), key: key(rng, plan) },
            _ => Fault::GiveAway { at_ms: at(rng), nth: rng.below(4) },
        };
        faults.push(fault);
    }
    faults
}

fn key(rng: &mut Rng, plan: &Plan) -> u32 {
    let body = &plan.bodies[rng.below(plan.bodies.len() as u64) as usize];
    body.keys.first().copied().unwrap_or(0)
}

fn at(rng: &mut Rng) -> u64 {
    rng.below(LIVELY_MS)
}

/// Shorter or longer than what it meets.
fn length(rng: &mut Rng, plan: &Plan) -> u64 {
    let lease_ms = plan.policy.lease_ms;
    rng.pick(&[10, lease_ms / 2, lease_ms + 20, plan.policy.takeover_ms + 50, 2 * lease_ms])
}

fn host(rng: &mut Rng, plan: &Plan) -> usize {
    rng.below(plan.hosts as u64) as usize
}

fn server(rng: &mut Rng, plan: &Plan) -> usize {
    rng.below(plan.shape.servers() as u64) as usize
}

fn when(rng: &mut Rng, plan: &Plan) -> When {
    if rng.chance(350) {
        return When::Step(rng.early(4_000));
    }
    // Where all is one step, there is nothing between an effect and its acknowledgement.
    let gates: &[Gate] = match plan.shape {
        Shape::Atomic => &[Gate::BeforeClaim, Gate::AfterClaim, Gate::AfterAck],
        Shape::Ordered => &GATES,
    };
    When::Gate(rng.pick(gates), rng.early(8))
}

fn crash(rng: &mut Rng, plan: &Plan) -> Fault {
    Fault::Crash { host: host(rng, plan), when: when(rng, plan), restart_ms: rng.pick(&[1, 50, 500, 2_000]) }
}

fn pause(rng: &mut Rng, plan: &Plan) -> Fault {
    Fault::Pause { host: host(rng, plan), when: when(rng, plan), ms: length(rng, plan) }
}

fn stop(rng: &mut Rng, plan: &Plan) -> Fault {
    Fault::Stop { host: host(rng, plan), at_ms: at(rng), restart_ms: rng.pick(&[1, 300, 1_500]) }
}

fn cut(rng: &mut Rng, plan: &Plan) -> Fault {
    Fault::Cut {
        host: host(rng, plan),
        line: rng.pick(&LINES),
        nth: rng.early(40),
        served: rng.chance(600),
        learns_us: rng.pick(&[50, 50, 2_000, 100_000, 400_000]),
    }
}

fn failover(rng: &mut Rng, plan: &Plan) -> Fault {
    // A sink that forgets what it took is beyond any protocol.
    let server = if plan.shape == Shape::Ordered { rng.below(2) as usize } else { 0 };
    let at_ms = rng.between(200, LIVELY_MS);
    // What replicas were waited for survives; without that, as much is lost as may be.
    let lag_ms = match plan.policy.replicated {
        true => rng.below(plan.policy.replica_lag_ms + 1),
        false => rng.pick(&[1, 20, 150, 600]),
    };
    Fault::Failover { server, at_ms, lag_ms, down_ms: rng.pick(&[1, 20, 300]) }
}

fn empty(rng: &mut Rng, plan: &Plan) -> Fault {
    // Where the stream is lost with the store, nothing is left to look at.
    if plan.shape == Shape::Atomic {
        return failover(rng, plan);
    }
    let (at_ms, down_ms) = (at(rng), rng.pick(&[1, 100]));
    Fault::Empty { server: 0, at_ms, down_ms, accepted_ms: rng.pick(&[10, 300, 1_000]) }
}
