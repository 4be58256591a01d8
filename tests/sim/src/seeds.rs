//! Seeds that failed once, each with what it showed.

/// They are kept beside the code, one a line: the seed, then a sentence.
const TEXT: &str = include_str!("../seeds.txt");

/// A seed that failed once.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    pub seed: u64,
    pub shows: &'static str,
}

/// All of them.
pub fn all() -> Vec<Seed> {
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
        assert_eq!(all().len(), lines);
        assert!(lines >= 5);
        assert!(all().iter().all(|seed| seed.shows.ends_with('.')), "each in a sentence");
    }
}
