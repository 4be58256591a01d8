//! The last bytes of a file, by which it is known again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

/// How many bytes the digest covers.
const COVERED: usize = 4096;

/// Follows what is appended, so that nothing need be read back.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    /// The last bytes; more than are covered now and then, so that few appends move them.
    bytes: Vec<u8>,
}

impl Tail {
    /// Reads the bytes before `length`.
    pub(super) fn read(file: &File, length: u64) -> io::Result<Self> {
        let from = length.saturating_sub(COVERED as u64);
        let mut bytes = vec![0; (length - from) as usize];
        file.read_exact_at(&mut bytes, from)?;
        Ok(Self { bytes })
    }

    /// Takes what is appended to the file.
    pub(super) fn push(&mut self, appended: &[u8]) {
        let kept = &appended[appended.len().saturating_sub(COVERED)..];
        if self.bytes.len() + kept.len() > 4 * COVERED {
            let old = COVERED.saturating_sub(kept.len());
            self.bytes.drain(..self.bytes.len().saturating_sub(old));
        }
        self.bytes.extend_from_slice(kept);
    }

    /// The file ends with a line break, or has nothing in it.
    pub(super) fn ends_a_line(&self) -> bool {
        self.bytes.last().is_none_or(|byte| *byte == b'\n')
    }

    /// The first 16 bytes of the SHA-256 of what is covered.
    pub(super) fn digest(&self) -> [u8; 16] {
        let covered = &self.bytes[self.bytes.len().saturating_sub(COVERED)..];
        let mut first = [0; 16];
        first.iter_mut().zip(Sha256::digest(covered)).for_each(|(to, from)| *to = from);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn following_appends_gives_what_reading_the_file_gives() {
        let mut file = tempfile::tempfile().unwrap();
        let (mut tail, mut length) = (Tail::default(), 0);
        for (step, size) in
            [0, 1, 100, 4095, 4096, 4097, 20_000, 3, 4000, 8191, 17].into_iter().cycle().take(60).enumerate()
        {
            let bytes = vec![step as u8; size];
            file.write_all(&bytes).unwrap();
            tail.push(&bytes);
            length += size as u64;
            assert_eq!(tail.digest(), Tail::read(&file, length).unwrap().digest());
            assert!(tail.bytes.len() <= 4 * COVERED);
        }
    }
}
