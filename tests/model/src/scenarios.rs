//! The worlds that are searched: the large ones, and for each mutation a small one in which it must show.

use crate::config::{Budget, Config, Fault, Message, Settle};
use crate::mutation::{Lacking, Mutation};

const NONE: Budget = Budget::NONE;
const CHANCES: Budget = Budget { faults: 1, fails: 1, rejects: 1, ages: 2, operator: 1, chances: 3 };
const ONE_CHANCE: Budget = Budget { faults: 2, fails: 1, rejects: 1, ages: 1, operator: 1, chances: 1 };
const ORDERED: Settle = Settle::Ordered { replicated: false };
const REPLICATED: Settle = Settle::Ordered { replicated: true };

const ALL_ATOMIC: &[Fault] =
    &[Fault::Crash, Fault::Pause, Fault::LostReply, Fault::Redelivery, Fault::Slow, Fault::Failover];
const ALL_ORDERED: &[Fault] = &[
    Fault::Crash,
    Fault::Pause,
    Fault::LostReply,
    Fault::Redelivery,
    Fault::Slow,
    Fault::Failover,
    Fault::Empty,
];

/// Two messages that name two keys in opposite order.
const OPPOSITE: &[Message] = &[Message::new(&[0, 1]), Message::new(&[1, 0])];
/// One event that was sent twice.
const TWICE: &[Message] = &[Message::new(&[0]), Message::new(&[0])];
/// One key for two payloads.
const MISMATCH: &[Message] = &[Message::new(&[0]), Message { keys: &[0], print: 2, poison: false }];
/// One that has no key.
const KEYLESS: &[Message] = &[Message::new(&[])];
/// One that takes its host down.
const POISON: &[Message] = &[Message { keys: &[0], print: 1, poison: true }];
const ONE: &[Message] = &[Message::new(&[0])];

const PLAIN: Config = Config {
    name: "",
    about: "",
    hosts: &[0, 1],
    messages: TWICE,
    settle: Settle::Atomic,
    budget: NONE,
    faults: ALL_ATOMIC,
    max_attempts: 2,
    host_deaths: None,
    lacking: Lacking::NOTHING,
};

/// All worlds that are searched without a mutation.
pub const ALL: &[Config] = &[
    Config {
        name: "two-by-two-atomic",
        about: "2 workers, 2 keys in opposite order, 2 faults, settled in one step",
        messages: OPPOSITE,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "two-by-two-ordered",
        about: "2 workers, 2 keys in opposite order, 2 faults, settled in order with replicas",
        messages: OPPOSITE,
        settle: REPLICATED,
        faults: ALL_ORDERED,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "three-by-one-atomic",
        about: "3 workers, 1 key, 2 faults, settled in one step",
        hosts: &[0, 1, 2],
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "three-by-one-ordered",
        about: "3 workers, 1 key, 2 faults, settled in order with replicas",
        hosts: &[0, 1, 2],
        settle: REPLICATED,
        faults: ALL_ORDERED,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "chances-atomic",
        about: "2 workers, 1 key, 1 fault and 3 of: retry, rejection, end of a window, operator; in one step",
        budget: CHANCES,
        ..PLAIN
    },
    Config {
        name: "chances-ordered",
        about: "the same, settled in order without replicas",
        settle: ORDERED,
        faults: ALL_ORDERED,
        budget: CHANCES,
        ..PLAIN
    },
    Config {
        name: "mismatch-atomic",
        about: "2 workers, 1 key for 2 payloads, 2 faults, settled in one step",
        messages: MISMATCH,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "mismatch-ordered",
        about: "the same, settled in order with replicas",
        messages: MISMATCH,
        settle: REPLICATED,
        faults: ALL_ORDERED,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "one-host-atomic",
        about: "2 workers of one host, 2 keys in opposite order, 2 faults, settled in one step",
        hosts: &[0, 0],
        messages: OPPOSITE,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "one-host-ordered",
        about: "the same, settled in order with replicas",
        hosts: &[0, 0],
        messages: OPPOSITE,
        settle: REPLICATED,
        faults: ALL_ORDERED,
        budget: ONE_CHANCE,
        ..PLAIN
    },
    Config {
        name: "keyless",
        about: "2 workers, a message without a key, 2 faults, settled in one step",
        messages: KEYLESS,
        budget: Budget { faults: 2, ..NONE },
        ..PLAIN
    },
    Config {
        name: "poison",
        about: "2 workers, a message that takes its host down, 1 fault: given up after a bounded number of deaths",
        messages: POISON,
        budget: Budget { faults: 1, ..NONE },
        host_deaths: Some(1),
        ..PLAIN
    },
    Config {
        name: "opposite",
        about: "2 deliveries that take 2 keys in opposite order, without a fault: both make progress",
        messages: OPPOSITE,
        ..PLAIN
    },
];

/// The small world in which a mutation must show.
pub fn showing(mutation: Mutation) -> Config {
    let two = Budget { faults: 2, ages: 1, ..NONE };
    let plain = Config { budget: two, ..PLAIN };
    match mutation {
        Mutation::Row1 | Mutation::Row4 => Config { name: "faultless", ..PLAIN },
        Mutation::Row2
        | Mutation::Row3
        | Mutation::Row5
        | Mutation::Row6
        | Mutation::Row7
        | Mutation::Row8
        | Mutation::Row9
        | Mutation::Rule1
        | Mutation::Rule10 => {
            Config { name: "crash-or-pause", faults: &[Fault::Crash, Fault::Pause], ..plain }
        }
        Mutation::Row31 => Config {
            name: "poison",
            messages: POISON,
            host_deaths: Some(1),
            budget: Budget { faults: 0, ..NONE },
            ..PLAIN
        },
        // In one step the marks behind duplicates are looked at once more, which would hide these.
        Mutation::Row10 | Mutation::Row29 => Config {
            name: "ordered-plain",
            settle: ORDERED,
            faults: &[Fault::Crash, Fault::LostReply],
            budget: Budget { faults: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Row29Gone => Config {
            name: "failover",
            faults: &[Fault::Redelivery, Fault::Failover],
            hosts: &[0, 1, 2],
            budget: Budget { faults: 2, ..NONE },
            ..PLAIN
        },
        Mutation::Row11 | Mutation::Row17 | Mutation::Rule3 | Mutation::Rule20 | Mutation::Rule11Out => {
            Config { name: "ordered", settle: REPLICATED, faults: ALL_ORDERED, ..plain }
        }
        Mutation::Rule20Present => Config {
            name: "ordered-failing",
            settle: REPLICATED,
            faults: ALL_ORDERED,
            budget: Budget { faults: 1, fails: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Row32 => Config {
            name: "ordered-rejects",
            messages: ONE,
            settle: ORDERED,
            faults: ALL_ORDERED,
            budget: Budget { rejects: 1, ..two },
            ..PLAIN
        },
        Mutation::Rule14Dead | Mutation::Rule14Fence => {
            Config { name: "rejects", budget: Budget { faults: 1, rejects: 1, ..NONE }, ..PLAIN }
        }
        Mutation::Rule14Ack => Config {
            name: "ordered-rejects-one",
            settle: ORDERED,
            budget: Budget { rejects: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Rule14Requeue => Config {
            name: "mismatch",
            messages: MISMATCH,
            budget: Budget { faults: 1, operator: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Row15 | Mutation::Rule19 | Mutation::Rule19Absent | Mutation::Rule11Forgotten => {
            Config { name: "operator", budget: Budget { faults: 1, operator: 1, ..NONE }, ..PLAIN }
        }
        Mutation::Rule11Absent => {
            Config { name: "aged", budget: Budget { faults: 1, ages: 2, ..NONE }, ..PLAIN }
        }
        Mutation::Rule7 => Config {
            name: "ordered-opposite",
            messages: OPPOSITE,
            settle: ORDERED,
            budget: Budget { faults: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Rule9 | Mutation::Rule16 => Config {
            name: "opposite-faulty",
            messages: OPPOSITE,
            budget: Budget { faults: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Rule7InProcess => Config {
            name: "ordered-one-host",
            hosts: &[0, 0],
            settle: ORDERED,
            budget: Budget { faults: 1, ..NONE },
            ..PLAIN
        },
        Mutation::Rule18Early => {
            Config { name: "one-host", hosts: &[0, 0], budget: Budget { faults: 1, ..NONE }, ..PLAIN }
        }
        Mutation::Rule24 => {
            Config { name: "keyless", messages: KEYLESS, budget: Budget { faults: 1, ..NONE }, ..PLAIN }
        }
        _ => Config { name: "plain", ..plain },
    }
}
