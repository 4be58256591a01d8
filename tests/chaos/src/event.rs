//! What a producer has to say: events, each sent once or several times.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::shape::Pipeline;

/// What an event is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One effect.
    Plain,
    /// Two keys with an effect each.
    Twin,
    /// Fails when it is first handled.
    Fails,
    /// Is rejected: each message of it has to become a dead letter.
    Rejected,
    /// Bears the key of an event that is done, and another payload.
    Mismatch,
    /// Has no key: each message has its effect.
    Unkeyed,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which pipeline it is for.
    pub pipeline: Pipeline,
    /// What it is called.
    pub name: String,
    /// What it is there for.
    pub kind: Kind,
    /// The keys that it names.
    pub keys: Vec<String>,
}

impl Event {
    /// An event of a kind, by its number. One that bears the key of another is told which.
    pub fn new(pipeline: Pipeline, kind: Kind, number: u64, of: Option<&str>) -> Self {
        let name = format!("e{number}");
        let keys = match kind {
            Kind::Unkeyed => vec![],
            Kind::Twin => vec![format!("{name}a"), format!("{name}b")],
            _ => vec![of.map_or_else(|| name.clone(), str::to_owned)],
        };
        Self { pipeline, name, kind, keys }
    }

    /// The kind of the next one.
    pub fn draw(dice: &mut Dice, pipeline: Pipeline) -> Kind {
        match dice.below(100) {
            0..58 => Kind::Plain,
            58..72 => Kind::Twin,
            72..82 => Kind::Fails,
            82..88 => Kind::Rejected,
            88..94 => Kind::Mismatch,
            _ if pipeline == Pipeline::Atomic => Kind::Unkeyed,
            _ => Kind::Plain,
        }
    }

    /// How often it is sent.
    pub fn copies(&self, dice: &mut Dice) -> u64 {
        match self.kind {
            Kind::Unkeyed => 1,
            Kind::Mismatch | Kind::Rejected => dice.between(1, 2),
            _ => dice.between(1, 4),
        }
    }

    /// The text that each of its effects carries.
    pub fn text(&self) -> String {
        format!("{} of {}", self.name, self.pipeline.name())
    }

    /// What the handler is to do.
    pub fn script(&self) -> Value {
        let emit = json!({"emit": ["t", self.text()]});
        let mut steps = Vec::new();
        for key in &self.keys {
            steps.push(json!({ "seen": key }));
            match self.kind {
                Kind::Rejected => steps.push(json!({"reject": "as it was told"})),
                Kind::Fails => steps.push(json!({"retry_until": 2})),
                _ => {}
            }
            steps.extend([emit.clone(), json!({ "commit": key })]);
        }
        if self.keys.is_empty() {
            steps.push(emit);
        }
        json!({ "steps": steps })
    }

    /// Whether its messages have to become dead letters.
    pub fn dies(&self) -> bool {
        matches!(self.kind, Kind::Rejected | Kind::Mismatch)
    }

    /// The effects that it has to have if it was sent as this entry.
    pub fn expected(&self, entry: &str) -> Vec<String> {
        if self.dies() {
            return Vec::new();
        }
        if self.keys.is_empty() {
            return vec![format!("{}/m/{entry}/0", self.pipeline.name())];
        }
        self.keys.iter().map(|key| self.pipeline.effect_of(key)).collect()
    }
}
