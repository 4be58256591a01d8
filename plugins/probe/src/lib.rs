//! A handler that does what its message says, step by step: for trying a policy, and for tests of the host.

use oncegate_sdk::{Message, Result, Sighting, commit, commit_with, emit, log, reject, retry, seen};
use serde::Deserialize;

/// The payload.
#[derive(Deserialize)]
struct Script {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// Claims a key; goes on only if it is new.
    Seen(String),
    /// Claims a key and goes on whatever the answer is, refusals included.
    SeenAnyway(String),
    /// Commits a key.
    Commit(String),
    /// Commits a key with a receipt.
    CommitWith(String, String),
    /// Emits the text to the topic.
    Emit(String, String),
    /// Emits the number of this delivery to the topic.
    EmitAttempt(String),
    /// Ends here, with `ok`, in deliveries after the first so many.
    EndAfter(u32),
    /// Writes a log line.
    Log(String),
    /// Fails in the first so many deliveries of this message.
    RetryUntil(u32),
    Retry(String),
    Reject(String),
    Panic(String),
    /// Computes for so many rounds.
    Work(u64),
    /// Computes for ever.
    Spin(()),
    /// Allocates until there is no more.
    Allocate(()),
    /// Takes so many MiB and keeps them for good; a retry if there is not so much.
    Leak(usize),
    /// Claims and commits so many keys that begin so.
    Keys(String, u32),
    /// Does the steps so many times.
    Repeat(u32, Vec<Step>),
}

fn handle(message: Message) -> Result<()> {
    let script: Script = message.json()?;
    run(&script.steps, &message).map(drop)
}

/// False if the rest of the script is for new keys only.
fn run(steps: &[Step], message: &Message) -> Result<bool> {
    for step in steps {
        if !step.run(message)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Step {
    /// False if the rest of the script is for new keys only.
    fn run(&self, message: &Message) -> Result<bool> {
        match self {
            Step::Seen(key) => match seen(key)? {
                Sighting::New => {}
                Sighting::Duplicate(_) => return Ok(false),
                Sighting::InFlight(_) => return Err(retry("in flight elsewhere")),
            },
            // Whatever the host says, this handler claims to be content: the host has to know better.
            Step::SeenAnyway(key) => drop(seen(key)),
            Step::Commit(key) => commit(key)?,
            Step::CommitWith(key, receipt) => commit_with(key, receipt.as_bytes())?,
            Step::Emit(topic, text) => emit(topic).bytes(text.as_bytes())?,
            Step::EmitAttempt(topic) => emit(topic).json(&message.attempt)?,
            Step::EndAfter(delivery) if message.attempt > *delivery => return Ok(false),
            Step::EndAfter(_) => {}
            Step::Log(line) => log::info(line),
            Step::RetryUntil(delivery) if message.attempt < *delivery => return Err(retry("not yet")),
            Step::RetryUntil(_) => {}
            Step::Retry(reason) => return Err(retry(reason)),
            Step::Reject(reason) => return Err(reject(reason)),
            #[expect(clippy::panic, reason = "that is what was asked for")]
            Step::Panic(text) => panic!("{text}"),
            Step::Work(rounds) => (0..*rounds).for_each(|round| {
                std::hint::black_box(round);
            }),
            Step::Spin(()) => loop {
                std::hint::black_box(0);
            },
            Step::Allocate(()) => allocate(),
            Step::Leak(mib) => {
                let mut held: Vec<u8> = Vec::new();
                held.try_reserve_exact(mib << 20).map_err(|_| retry("no memory"))?;
                std::mem::forget(std::hint::black_box(held));
            }
            Step::Keys(beginning, count) => {
                for number in 0..*count {
                    let key = format!("{beginning}{number}");
                    if matches!(seen(&key)?, Sighting::New) {
                        commit(&key)?;
                    }
                }
            }
            Step::Repeat(times, steps) => {
                for _ in 0..*times {
                    if !run(steps, message)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

fn allocate() {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

oncegate_sdk::handler!(handle);
