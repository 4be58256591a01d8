//! New inputs from old ones.

use crate::rng::Rng;

/// Bytes that decide something in many formats.
const TELLING: [u8; 14] = [0, 1, 0x0a, 0x0d, 0x1b, 0x22, 0x25, 0x5c, 0x7b, 0x7f, 0x80, 0xc2, 0xe2, 0xff];

/// Changes inputs of one target.
#[derive(Debug)]
pub struct Mutator<'a> {
    /// Where inputs come from.
    pub seeds: &'a [Vec<u8>],
    /// What stands in many inputs of this target.
    pub words: &'a [&'a [u8]],
    /// The longest input.
    pub longest: usize,
}

impl Mutator<'_> {
    /// A seed with a few changes.
    pub fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let mut input = match self.seeds {
            [] => Vec::new(),
            seeds => seeds[rng.below(seeds.len())].clone(),
        };
        // Few changes far more often than many.
        let changes = 1 << rng.below(5);
        for _ in 0..=rng.below(changes) {
            self.change(&mut input, rng);
        }
        input.truncate(self.longest);
        input
    }

    fn change(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = rng.below(input.len() + 1);
        match rng.below(9) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = rng.byte();
                }
            }
            2 => input.insert(at, TELLING[rng.below(TELLING.len())]),
            3 => {
                let bytes: Vec<u8> = (0..rng.below(16)).map(|_| rng.byte()).collect();
                insert(input, at, &bytes);
            }
            4 => remove(input, at, rng),
            5 => {
                let end = (at + rng.below(64)).min(input.len());
                let copied = input[at..end].to_vec();
                insert(input, rng.below(input.len() + 1), &copied);
            }
            6 if !self.words.is_empty() => insert(input, at, self.words[rng.below(self.words.len())]),
            7 if !self.seeds.is_empty() => {
                // The beginning of one and the end of another.
                let other = &self.seeds[rng.below(self.seeds.len())];
                input.truncate(at);
                input.extend_from_slice(&other[rng.below(other.len() + 1)..]);
            }
            _ => input.truncate(at),
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

fn remove(input: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let end = (at + 1 + rng.below(16)).min(input.len());
    input.drain(at.min(end)..end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_no_input_is_too_long() {
        let seeds = [b"one".to_vec(), vec![7; 100]];
        let mutator = Mutator { seeds: &seeds, words: &[b"word"], longest: 50 };
        let inputs = |seed: u64| -> Vec<Vec<u8>> {
            let mut rng = Rng::new(seed);
            (0..1000).map(|_| mutator.input(&mut rng)).collect()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let inputs = inputs(3);
        assert!(inputs.iter().all(|input| input.len() <= 50));
        assert!(inputs.iter().any(|input| input.windows(4).any(|part| part == b"word")));
        let different: std::collections::HashSet<_> = inputs.iter().collect();
        assert!(different.len() > 500, "{}", different.len());
    }
}
