//! What a handler is granted beyond the contract.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use oncegate_sandbox::{Capability, ClockGrant, Grants, Handler, RandomGrant, Seed, Topics};

use super::policy::positive;
use crate::rfc3339;
use crate::settings::{Settings, duration_text};

/// A step beyond that is no clock any more.
const LONGEST_STEP_MS: u64 = 24 * 60 * 60 * 1000;

/// What the settings say.
pub(super) fn grants(settings: &Settings) -> Result<Grants> {
    let step_ms = positive_ms(settings, "grants.clock_step")?;
    let clock = match settings.text("grants.clock_frozen") {
        None => ClockGrant::System { step_ms },
        Some(text) => match rfc3339::parse(text) {
            Some(at_ms) => ClockGrant::Frozen { at_ms },
            None => bail!("grants.clock_frozen is no time in UTC such as 2026-01-31T12:00:00Z"),
        },
    };
    let random = match settings.text("grants.random_seed") {
        None => RandomGrant::System,
        Some(text) => RandomGrant::Seeded(Seed::new(text)),
    };
    Ok(Grants { clock, random })
}

fn positive_ms(settings: &Settings, path: &str) -> Result<u64> {
    let ms = positive(settings, path)?;
    match ms <= LONGEST_STEP_MS {
        true => Ok(ms),
        false => bail!("{path} is longer than a day: set at most {}", duration_text(LONGEST_STEP_MS)),
    }
}

/// What the handler's component asks for, and what it gets: two lines, or one if it asks for nothing.
pub fn described(handler: &Handler) -> String {
    let settings = handler.settings();
    let mut text = format!("emits   {}\n", topics(&settings.topics));
    let asks = handler.component().asks();
    if !asks.is_empty() {
        let answers: Vec<String> = asks.iter().map(|asked| answer(*asked, &settings.grants)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "grants  {}", answers.join(", "));
    }
    text
}

fn topics(topics: &Topics) -> String {
    match topics {
        Topics::Any => "to any topic".to_owned(),
        Topics::Only(topics) if topics.is_empty() => "to no topic: output.topics lists none".to_owned(),
        Topics::Only(topics) => {
            let mut topics: Vec<String> = topics.iter().map(|topic| format!("{topic:?}")).collect();
            topics.sort_unstable();
            format!("to {}", topics.join(", "))
        }
    }
}

fn answer(asked: Capability, grants: &Grants) -> String {
    let answer = match (asked, grants.clock, &grants.random) {
        (Capability::Clock, ClockGrant::System { step_ms }, _) => {
            format!("in steps of {}", duration_text(step_ms))
        }
        (Capability::Clock, ClockGrant::Frozen { at_ms }, _) => format!("frozen at {}", rfc3339::utc(at_ms)),
        (Capability::Random, _, RandomGrant::System) => "from the system".to_owned(),
        (Capability::Random, _, RandomGrant::Seeded(_)) => "seeded".to_owned(),
        (Capability::Log, ..) => "into the log".to_owned(),
        (Capability::Exit, ..) => "fails the delivery".to_owned(),
        (Capability::Environment | Capability::Stdin | Capability::Terminal | Capability::Files, ..) => {
            "none".to_owned()
        }
        (Capability::Sockets | Capability::Http | Capability::Other, ..) => "denied".to_owned(),
    };
    format!("{asked} ({answer})")
}
