//! What a store keeps for one key, and how it is written down.
//!
//! The layout is fixed up to the fingerprint so that a script inside a store can read it without a decoder:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | version, now 1 |
//! | 1 | state: 1 claimed, 2 released, 3 committed, 4 dead |
//! | 2 | flags: 1 forgotten, 2 alone, 4 fingerprint, 8 receipt, 16 origin, 32 died alone |
//! | 3 | zero |
//! | 4..12 | sequence, big endian like all numbers |
//! | 12..28 | attempt id |
//! | 28..32 | attempts |
//! | 32..36 | host deaths |
//! | 36..44 | keep, ms |
//! | 44..60 | fingerprint, or zeros |
//! | 60.. | origin (16 bytes, if flagged), length of the text (2 bytes), the text, the receipt (if flagged) |

use crate::{AttemptId, Fence, Fingerprint, Origin};

/// The version of the encoding that this crate writes, and the only one that it reads.
pub const VERSION: u8 = 1;

/// The bytes of the fixed part.
pub const HEADER_BYTES: usize = 60;

/// The longest text (reason or first error) that a record keeps, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Flag bits, as in byte 2 of the encoding.
pub(crate) mod flag {
    pub const FORGOTTEN: u8 = 1;
    pub const ALONE: u8 = 2;
    pub const FINGERPRINT: u8 = 4;
    pub const RECEIPT: u8 = 8;
    pub const ORIGIN: u8 = 16;
    pub const DIED_ALONE: u8 = 32;
    /// The lowest bit that means nothing yet.
    pub const UNKNOWN: u8 = 64;
}

/// Where a record is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// An attempt holds the claim, or held it when its host died. How long its lease still runs is the
    /// store's answer: the record's remaining life less its keep.
    Claimed,
    /// Nobody holds the claim; attempts are remembered.
    Released,
    /// The effect happened.
    Committed,
    /// Given up; the text says why.
    Dead,
}

impl State {
    /// The byte in the encoding.
    pub const fn code(self) -> u8 {
        match self {
            State::Claimed => 1,
            State::Released => 2,
            State::Committed => 3,
            State::Dead => 4,
        }
    }

    /// The word for people: `claimed`, `released`, `committed`, `dead`.
    pub const fn word(self) -> &'static str {
        match self {
            State::Claimed => "claimed",
            State::Released => "released",
            State::Committed => "committed",
            State::Dead => "dead",
        }
    }
}

/// One key's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is in its life.
    pub state: State,
    /// The claim that it bears, or that last changed it.
    pub fence: Fence,
    /// Attempts that the handler used up, the running one included.
    pub attempts: u32,
    /// Attempts that nobody ended, because their host died.
    pub host_deaths: u32,
    /// How long, in milliseconds, the record outlives its lease.
    pub keep_ms: u64,
    /// Of the payload that was claimed or committed; none if fingerprints are off.
    pub fingerprint: Option<Fingerprint>,
    /// An operator forgot the key, and it has had no end since: no attempt of before may commit it any more. Kept through
    /// later claims and releases.
    pub forgotten: bool,
    /// The claim was taken by a delivery that ran alone (a suspect, see
    /// [`Policy::host_deaths`](crate::Policy)).
    pub alone: bool,
    /// The claim took over from an attempt whose host died while it ran alone as a suspect. Kept, so that the
    /// claim says so again if its reply is lost.
    pub died_alone: bool,
    /// The delivery that died, if the record is dead.
    pub origin: Option<Origin>,
    /// The reason if dead, otherwise the first error. At most [`MAX_TEXT_BYTES`].
    pub text: String,
    /// What every later duplicate is given, if committed with one.
    pub receipt: Option<Vec<u8>>,
}

/// Bytes that are no record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Written by a newer version; this host must not touch it.
    #[error("the record has version {found}, and this host knows version {VERSION}: use the newer host")]
    Newer {
        /// The version that it says it has.
        found: u8,
    },
    /// Not decodable.
    #[error("the record cannot be decoded ({0})")]
    Corrupt(&'static str),
    /// The store holds something else under the record's name.
    #[error("the store holds a value of another type under the record's name")]
    OtherType,
}

impl Record {
    /// Whether an operator's word is the last that the store has heard of the key.
    pub fn is_just_forgotten(&self) -> bool {
        self.state == State::Released && self.forgotten && self.fence.attempt == crate::transition::OPERATOR
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let text = clipped(&self.text);
        let receipt = self.receipt.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 18 + text.len() + receipt.len());
        bytes.extend_from_slice(&[VERSION, self.state.code(), self.flags(), 0]);
        bytes.extend_from_slice(&self.fence.sequence.to_be_bytes());
        bytes.extend_from_slice(self.fence.attempt.as_bytes());
        bytes.extend_from_slice(&self.attempts.to_be_bytes());
        bytes.extend_from_slice(&self.host_deaths.to_be_bytes());
        bytes.extend_from_slice(&self.keep_ms.to_be_bytes());
        bytes.extend_from_slice(self.fingerprint.map_or([0; 16], |print| *print.as_bytes()).as_slice());
        if let Some(origin) = &self.origin {
            bytes.extend_from_slice(origin.as_bytes());
        }
        // Clipped to 1024 bytes, so the length fits.
        bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(receipt);
        bytes
    }

    fn flags(&self) -> u8 {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        bit(self.forgotten, flag::FORGOTTEN)
            | bit(self.alone, flag::ALONE)
            | bit(self.died_alone, flag::DIED_ALONE)
            | bit(self.fingerprint.is_some(), flag::FINGERPRINT)
            | bit(self.receipt.is_some(), flag::RECEIPT)
            | bit(self.origin.is_some(), flag::ORIGIN)
    }

    /// Reads an encoding. What cannot be read is never guessed at, nor overwritten.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (&version, _) = bytes.split_first().ok_or(Unreadable::Corrupt("it is empty"))?;
        if version > VERSION {
            return Err(Unreadable::Newer { found: version });
        }
        if version != VERSION {
            return Err(Unreadable::Corrupt("its version is unknown"));
        }
        let mut reader = Reader(bytes.get(1..).unwrap_or_default());
        let [state, flags, zero] = reader.array::<3>()?;
        let state = match state {
            1 => State::Claimed,
            2 => State::Released,
            3 => State::Committed,
            4 => State::Dead,
            _ => return Err(Unreadable::Corrupt("its state is unknown")),
        };
        if zero != 0 || flags >= flag::UNKNOWN {
            return Err(Unreadable::Corrupt("it has unknown flags"));
        }
        let has = |bit: u8| flags & bit != 0;
        let sequence = u64::from_be_bytes(reader.array()?);
        let attempt = AttemptId::from_bytes(reader.array()?);
        let attempts = u32::from_be_bytes(reader.array()?);
        let host_deaths = u32::from_be_bytes(reader.array()?);
        let keep_ms = u64::from_be_bytes(reader.array()?);
        let fingerprint = Fingerprint::from_bytes(reader.array()?);
        if !has(flag::FINGERPRINT) && fingerprint.as_bytes() != &[0; 16] {
            return Err(Unreadable::Corrupt("it has a fingerprint that its flags deny"));
        }
        let origin = if has(flag::ORIGIN) { Some(Origin::from_bytes(reader.array()?)) } else { None };
        let length = u16::from_be_bytes(reader.array()?);
        if usize::from(length) > MAX_TEXT_BYTES {
            return Err(Unreadable::Corrupt("its text is too long"));
        }
        let text = String::from_utf8(reader.take(usize::from(length))?.to_vec())
            .map_err(|_| Unreadable::Corrupt("its text is not UTF-8"))?;
        let receipt = has(flag::RECEIPT).then(|| reader.0.to_vec());
        if receipt.is_none() && !reader.0.is_empty() {
            return Err(Unreadable::Corrupt("it has bytes behind its end"));
        }
        Ok(Self {
            state,
            fence: Fence { sequence, attempt },
            attempts,
            host_deaths,
            keep_ms,
            fingerprint: has(flag::FINGERPRINT).then_some(fingerprint),
            forgotten: has(flag::FORGOTTEN),
            alone: has(flag::ALONE),
            died_alone: has(flag::DIED_ALONE),
            origin,
            text,
            receipt,
        })
    }
}

/// `text`, cut between characters at [`MAX_TEXT_BYTES`].
pub fn clipped(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable::Corrupt("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn any_record() -> impl Strategy<Value = Record> {
        let state =
            prop::sample::select(vec![State::Claimed, State::Released, State::Committed, State::Dead]);
        let numbers = (any::<u64>(), any::<[u8; 16]>(), any::<u32>(), any::<u32>(), any::<u64>());
        let rest = (
            any::<Option<[u8; 16]>>(),
            any::<[bool; 3]>(),
            any::<Option<[u8; 16]>>(),
            "\\PC{0,40}",
            any::<Option<Vec<u8>>>(),
        );
        (state, numbers, rest).prop_map(
            |(state, (sequence, attempt, attempts, host_deaths, keep_ms), rest)| Record {
                state,
                fence: Fence { sequence, attempt: AttemptId::from_bytes(attempt) },
                attempts,
                host_deaths,
                keep_ms,
                fingerprint: rest.0.map(Fingerprint::from_bytes),
                forgotten: rest.1[0],
                alone: rest.1[1],
                died_alone: rest.1[2],
                origin: rest.2.map(Origin::from_bytes),
                text: rest.3,
                receipt: rest.4,
            },
        )
    }

    proptest! {
        #[test]
        fn every_record_reads_back(record in any_record()) {
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_and_never_panic(bytes in any::<Vec<u8>>()) {
            if let Ok(record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes);
            }
        }

        #[test]
        fn a_cut_record_is_refused(record in any_record(), cut in 0usize..62) {
            let bytes = record.encode();
            prop_assume!(cut < HEADER_BYTES + 2);
            prop_assert!(Record::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_newer_version_is_told_from_a_corrupt_one() {
        assert_eq!(Record::decode(&[2, 9, 9]), Err(Unreadable::Newer { found: 2 }));
        assert!(matches!(Record::decode(&[0; 80]), Err(Unreadable::Corrupt(_))));
        assert!(matches!(Record::decode(b""), Err(Unreadable::Corrupt(_))));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ö".repeat(MAX_TEXT_BYTES);
        assert_eq!(clipped(&text).len(), MAX_TEXT_BYTES);
        assert_eq!(clipped(&format!("a{text}")).len(), MAX_TEXT_BYTES - 1);
    }
}
