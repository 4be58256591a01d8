//! A checksum against torn writes and flipped bits. It is no defence against somebody who means harm: who can
//! write the store's files can write anything.

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// 64 bits over `bytes`.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let mut sum = PRIME ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut mix = |word: u64| {
        sum = (sum ^ word).wrapping_mul(PRIME);
        sum ^= sum >> 29;
    };
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    mix(u64::from_le_bytes(last));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_changes_the_sum() {
        let bytes: Vec<u8> = (0..45).collect();
        let whole = sum(&bytes);
        for at in 0..bytes.len() {
            assert_ne!(sum(&bytes[..at]), whole);
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert_ne!(sum(&flipped), whole);
            }
        }
    }
}
