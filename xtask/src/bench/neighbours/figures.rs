//! What was measured, and what it has to be.

use std::fmt;
use std::time::Duration;

/// A hostile neighbour may take this part of the throughput that there is beside an honest one.
const LESS: f64 = 0.8;

/// And make the slowest of a hundred messages take twice as long, and this much longer, in milliseconds.
const LATER_MS: f64 = 10.0;

/// The watched pipeline beside one neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Deliveries a second, as many as it took.
    pub rate: f64,
    /// From sent to done, at a steady pace.
    pub p50_ms: f64,
    /// The same, for the slowest of a hundred.
    pub p99_ms: f64,
}

impl Figures {
    /// From what each message took.
    pub fn new(rate: f64, mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let part = |part: usize| {
            let index = (took.len() * part / 100).min(took.len().saturating_sub(1));
            took.get(index).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3)
        };
        Self { rate, p50_ms: part(50), p99_ms: part(99) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} a second, p50 {:.1} ms, p99 {:.1} ms", self.rate, self.p50_ms, self.p99_ms)
    }
}

/// The pairs of one hostile neighbour.
#[derive(Debug, Default)]
pub struct Pairs {
    honest: Vec<Figures>,
    hostile: Vec<Figures>,
}

impl Pairs {
    /// Above the rows.
    pub const HEAD: &str = "\
| neighbour | rate beside an honest one | beside this one | ratio | p99 beside an honest one | beside this one | holds |
|---|---|---|---|---|---|---|";

    /// One more.
    pub fn add(&mut self, honest: Figures, hostile: Figures) {
        self.honest.push(honest);
        self.hostile.push(hostile);
    }

    /// The median of the pairs' ratios, not of their figures: what changes from pair to pair is the machine.
    fn ratio(&self) -> f64 {
        let pairs = self.honest.iter().zip(&self.hostile);
        median(pairs.map(|(honest, hostile)| hostile.rate / honest.rate).collect())
    }

    fn p99_ms(&self) -> [f64; 2] {
        [&self.honest, &self.hostile].map(|all| median(all.iter().map(|figures| figures.p99_ms).collect()))
    }

    /// Whether the neighbour is noticed no more than it may be.
    pub fn hold(&self) -> bool {
        let [honest_ms, hostile_ms] = self.p99_ms();
        self.ratio() >= LESS && hostile_ms <= 2.0 * honest_ms + LATER_MS
    }

    /// One row of the table.
    pub fn row(&self, name: &str) -> String {
        let [honest, hostile] =
            [&self.honest, &self.hostile].map(|all| median(all.iter().map(|figures| figures.rate).collect()));
        let [honest_ms, hostile_ms] = self.p99_ms();
        let holds = if self.hold() { "yes" } else { "NO" };
        let ratio = self.ratio();
        format!(
            "| {name} | {honest:.0} | {hostile:.0} | {ratio:.2} | {honest_ms:.1} | {hostile_ms:.1} | {holds} |"
        )
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(rates: [f64; 2], p99: [f64; 2]) -> Pairs {
        let figures = |rate, p99_ms| Figures { rate, p50_ms: 1.0, p99_ms };
        let mut pairs = Pairs::default();
        pairs.add(figures(rates[0], p99[0]), figures(rates[1], p99[1]));
        pairs
    }

    #[test]
    fn a_fifth_less_holds_and_more_does_not() {
        assert!(pair([1000.0, 801.0], [5.0, 19.9]).hold());
        assert!(!pair([1000.0, 799.0], [5.0, 5.0]).hold());
        assert!(!pair([1000.0, 1000.0], [5.0, 20.1]).hold());
    }

    #[test]
    fn no_message_in_time_is_no_good_figure() {
        assert!(Figures::new(1.0, Vec::new()).p99_ms.is_infinite());
        let took = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(Figures::new(1.0, took).p99_ms, 199.0);
    }
}
