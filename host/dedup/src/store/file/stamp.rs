//! When something was written, in an order that survives restarts.

/// Which owner, and which of its claims comes next. Later is greater, across restarts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    /// The owner that wrote it.
    pub owner: u32,
    /// The claims that this owner had made before.
    pub number: u64,
}

impl Stamp {
    /// The bytes of the encoding.
    pub const BYTES: usize = 12;

    /// Before everything.
    pub const ZERO: Self = Self { owner: 0, number: 0 };

    /// After everything that the owner before `owner` could have written, and still not of `owner`.
    pub fn before_owner(owner: u32) -> Self {
        Self { owner: owner.saturating_sub(1), number: u64::MAX }
    }

    /// Big endian, so that encodings sort like stamps.
    pub fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (owner, number) = bytes.split_at_mut(4);
        owner.copy_from_slice(&self.owner.to_be_bytes());
        number.copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// Reads an encoding.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let [a, b, c, d, number @ ..] = bytes;
        Self { owner: u32::from_be_bytes([a, b, c, d]), number: u64::from_be_bytes(number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_sort_by_owner_first_and_read_back() {
        let (a, b) = (Stamp { owner: 1, number: u64::MAX }, Stamp { owner: 2, number: 0 });
        assert!(a < b && a.encode() < b.encode());
        assert_eq!(Stamp::decode(b.encode()), b);
        assert!(Stamp::before_owner(2) < b && Stamp::before_owner(2) >= a);
    }
}
