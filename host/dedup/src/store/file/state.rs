//! The store's own state, written with every group.

use super::stamp::Stamp;

/// What the store knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// How often the store was opened.
    pub owner: u32,
    /// The store's clock.
    pub now_ms: u64,
    /// The last group.
    pub group: u64,
    /// Claim logs that begin earlier are settled and only wait to be removed.
    pub log_base: Stamp,
}

impl State {
    /// Its name in `meta`.
    pub const NAME: &[u8] = b"state";

    /// Of a store that was never opened.
    pub const NEW: Self = Self { owner: 0, now_ms: 0, group: 0, log_base: Stamp::ZERO };

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.owner.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.now_ms.to_be_bytes());
        bytes.extend_from_slice(&self.group.to_be_bytes());
        bytes.extend_from_slice(&self.log_base.encode());
        bytes
    }

    /// Reads an encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (owner, rest) = bytes.split_first_chunk()?;
        let (now_ms, rest) = rest.split_first_chunk()?;
        let (group, stamp) = rest.split_first_chunk()?;
        Some(Self {
            owner: u32::from_be_bytes(*owner),
            now_ms: u64::from_be_bytes(*now_ms),
            group: u64::from_be_bytes(*group),
            log_base: Stamp::decode(stamp.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_and_a_cut_one_does_not() {
        let state = State { owner: 3, now_ms: 9, group: 7, log_base: Stamp { owner: 2, number: 5 } };
        assert_eq!(State::decode(&state.encode()), Some(state));
        assert_eq!(State::decode(&state.encode()[1..]), None);
    }
}
