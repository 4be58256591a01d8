//! Seeds that failed once, each with what it showed.

/// They are kept beside the code, one a line: the seed, then a sentence.
const TEXT: &str = include_str!("../seeds.txt");

/// A seed that failed once.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// The seed.
    pub seed: u64,
    /// What it showed, in a sentence.
    pub shows: &'static str,
}

/// All of them.
pub fn known() -> Vec<Seed> {
    let seed = |line: &'static str| {
        let (seed, shows) = line.split_once(' ')?;
        Some(Seed { seed: seed.parse().ok()?, shows })
    };
    TEXT.lines().filter(|line| !line.starts_with('#')).filter_map(seed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_seed_and_what_it_shows() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(known().len(), lines);
        assert!(lines >= 5);
        assert!(known().iter().all(|seed| seed.shows.ends_with('.')), "each in a sentence");
    }
}
