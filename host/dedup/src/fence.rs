//! Who holds a claim: attempt ids and fences.

use std::fmt;
use std::str::FromStr;

use crate::hex;

/// 128 random bits, drawn for each invocation and derived from nothing.
///
/// Never reused: not by a restarted process, not for a second delivery of the same key. Were it built from
/// the message's id and a count, a stopped process that wakes up and its restarted twin would both be told
/// that the claim is theirs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptId([u8; 16]);

impl AttemptId {
    /// The id with these bits. Draw them from [`Clock::attempt_id`](crate::Clock::attempt_id).
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

/// What a claim is settled with. Compared for equality only: a sequence may start again when its record is
/// gone, and the attempt id keeps two such fences apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// Rises with every claim in one record's life.
    pub sequence: u64,
    /// The attempt that holds the claim.
    pub attempt: AttemptId,
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sequence, self.attempt)
    }
}

/// A text that is no fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fence is SEQUENCE-ATTEMPT, a number and 32 hexadecimal digits, as dead letters and listings show it"
)]
pub struct InvalidFence;

impl FromStr for Fence {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, InvalidFence> {
        let (sequence, attempt) = text.split_once('-').ok_or(InvalidFence)?;
        let bytes: [u8; 16] =
            hex::decode(attempt).and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidFence)?;
        let sequence = sequence.parse().map_err(|_| InvalidFence)?;
        let fence = Self { sequence, attempt: AttemptId::from_bytes(bytes) };
        // One spelling: what reads back otherwise was mistyped or cut.
        if fence.to_string() == text { Ok(fence) } else { Err(InvalidFence) }
    }
}

/// 128 bits over what makes two deliveries of one key the same event (by default the payload).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of `bytes`: the first 128 bits of their SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crate::digest::short(&[bytes]))
    }

    /// The fingerprint with these bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Which delivery this is, whoever hands it over: 128 bits over its source and message id. A record that is
/// dead keeps the origin of the delivery that died, and only that one may be acknowledged for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin([u8; 16]);

impl Origin {
    /// The origin of the message `id` of `source`.
    pub fn of(source: &str, id: &str) -> Self {
        Self(crate::digest::short(&[source.as_bytes(), id.as_bytes()]))
    }

    /// The origin with these bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_reads_back_as_it_is_shown_and_in_no_other_spelling() {
        for sequence in [0, 1, u64::MAX] {
            let fence = Fence { sequence, attempt: AttemptId::from_bytes([0xab; 16]) };
            assert_eq!(fence.to_string().parse(), Ok(fence));
        }
        let good = Fence { sequence: 7, attempt: AttemptId::from_bytes([0xab; 16]) }.to_string();
        let short = &good[..good.len() - 2];
        for wrong in ["", "7", "-", &good.to_uppercase(), &format!("+{good}"), &format!("0{good}"), short] {
            assert_eq!(wrong.parse::<Fence>(), Err(InvalidFence), "{wrong}");
        }
    }
}
