//! The one digest of this crate.

use sha2::{Digest, Sha256};

/// The first 128 bits of a SHA-256 over the parts, each behind its length, so that no two lists of parts
/// are confused. One part alone is hashed as it is.
pub fn short(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        if parts.len() > 1 {
            hash.update((part.len() as u64).to_be_bytes());
        }
        hash.update(part);
    }
    let full: [u8; 32] = hash.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}
