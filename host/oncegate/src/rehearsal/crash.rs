//! Where a host dies on purpose.

/// The moment at which a host dies, with a delivery whose handler has returned `ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Nothing that the handler staged is applied, its claims are left to lapse.
    BeforeSettle,
    /// Everything is applied, and the broker does not hear of it.
    BeforeAck,
}

impl Crash {
    /// All of them, in the order in which a message meets them.
    pub const ALL: [Self; 2] = [Self::BeforeSettle, Self::BeforeAck];

    /// What it is called on a command line and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::BeforeSettle => "before-settle",
            Self::BeforeAck => "before-ack",
        }
    }

    /// The one that is called so.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|crash| crash.word() == word)
    }
}
