//! Random bytes.

use sha2::{Digest as _, Sha256};

use crate::grants::RandomGrant;
use crate::message::Message;

/// Where one invocation's random bytes come from.
#[derive(Debug)]
pub(crate) enum Chance {
    System,
    Seeded(Box<Stream>),
}

/// Bytes that follow from a seed: SHA-256 over it and a counter.
#[derive(Debug)]
pub(crate) struct Stream {
    seed: [u8; 32],
    blocks: u64,
    /// Of the last block, not given out yet.
    rest: Vec<u8>,
}

impl Chance {
    pub(crate) fn new(grant: &RandomGrant, message: &Message) -> Self {
        let RandomGrant::Seeded(seed) = grant else { return Self::System };
        let mut digest = Sha256::new_with_prefix(seed.bytes());
        // With its length, so that no topic can be taken for another one and a part of an id.
        digest.update((message.topic.len() as u64).to_le_bytes());
        digest.update(&message.topic);
        digest.update(&message.id);
        Self::Seeded(Box::new(Stream { seed: digest.finalize().into(), blocks: 0, rest: Vec::new() }))
    }

    /// So many bytes, whose number has been judged.
    pub(crate) fn bytes(&mut self, length: usize) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match self {
            Self::System => getrandom::fill(&mut bytes)
                .map_err(|_| wasmtime::Error::msg("the system gives no random bytes"))?,
            Self::Seeded(stream) => stream.fill(&mut bytes),
        }
        Ok(bytes)
    }

    pub(crate) fn number(&mut self) -> wasmtime::Result<u64> {
        let bytes = self.bytes(8)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

impl Stream {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.rest.is_empty() {
                let block = Sha256::new_with_prefix(self.seed).chain_update(self.blocks.to_le_bytes());
                self.rest = block.finalize().to_vec();
                self.blocks += 1;
            }
            *byte = self.rest.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Seed;

    fn message(topic: &str, id: &str) -> Message {
        Message {
            id: id.to_owned(),
            topic: topic.to_owned(),
            key: None,
            headers: Vec::new(),
            payload: Vec::new(),
            attempt: 1,
            published_ms: None,
        }
    }

    fn drawn(seed: &str, topic: &str, id: &str) -> Vec<u8> {
        let grant = RandomGrant::Seeded(Seed::new(seed));
        let mut chance = Chance::new(&grant, &message(topic, id));
        // However it is cut into pieces.
        let mut bytes = chance.bytes(3).unwrap();
        bytes.extend(chance.bytes(97).unwrap());
        let whole = Chance::new(&grant, &message(topic, id)).bytes(100).unwrap();
        assert_eq!(bytes, whole);
        bytes
    }

    #[test]
    fn a_seed_and_a_message_give_the_same_bytes_and_another_one_others() {
        assert_eq!(drawn("s", "t", "1"), drawn("s", "t", "1"));
        for other in [drawn("S", "t", "1"), drawn("s", "T", "1"), drawn("s", "t", "2"), drawn("s", "t1", "")]
        {
            assert_ne!(drawn("s", "t", "1"), other);
        }
    }

    #[test]
    fn the_system_gives_other_bytes_each_time() {
        let mut chance = Chance::new(&RandomGrant::System, &message("t", "1"));
        assert_ne!(chance.bytes(16).unwrap(), chance.bytes(16).unwrap());
        assert_ne!(chance.number().unwrap(), chance.number().unwrap());
    }
}
