//! What each pipeline gets of what all of them share: handlers under way, and the processors.
//!
//! Handlers under way are divided once, at the start, and none is lent: a handler that borrowed a place could keep it
//! until its time limit. What a pipeline cannot use, because it asks for less than its part, goes to the others.
//!
//! Processors are shared by the kernel, thread by thread. A pipeline's threads count together as much as its share says,
//! whatever their number; the kernel weighs them by their nice value, which anybody may raise and only root lower, so
//! that the threads with the greatest weight keep the process's own.

use anyhow::{Result, bail};

use super::Config;
use crate::settings::{HANDLERS, Settings};

/// What one step of a nice value changes a thread's weight by.
const STEP: f64 = 1.25;

/// The kernel's largest.
const MOST_NICE: u32 = 19;

/// Gives each pipeline its part.
pub(super) fn divide(settings: &Settings, configs: &mut [Config]) -> Result<()> {
    let wanted: Vec<(u32, usize)> =
        configs.iter().map(|config| (config.share.of, config.rules.concurrency)).collect();
    if settings.get(HANDLERS).is_some() {
        let total = usize::try_from(settings.number(HANDLERS)).unwrap_or(usize::MAX);
        if total < configs.len() {
            bail!(
                "{HANDLERS} is {total}, and there are {} pipelines: set at least one for each",
                configs.len()
            );
        }
        for (config, handlers) in configs.iter_mut().zip(parts(total, &wanted)) {
            config.rules.concurrency = handlers;
        }
    }
    let weights: Vec<f64> = configs
        .iter()
        .map(|config| f64::from(config.share.of) / config.rules.threads.max(1) as f64)
        .collect();
    let total = configs.iter().map(|config| u64::from(config.share.of)).sum();
    for (config, nice) in configs.iter_mut().zip(nice(&weights)) {
        config.share.total = total;
        config.rules.nice = nice;
    }
    Ok(())
}

/// Divides `total` by share, each at least 1 and at most what it wants; what is left of one goes to the others.
fn parts(total: usize, wanted: &[(u32, usize)]) -> Vec<usize> {
    let mut parts: Vec<usize> = wanted.iter().map(|_| 1).collect();
    let mut left = total.saturating_sub(parts.len());
    // One at a time, to whoever has least for its share: there are at most some thousands.
    while left > 0 {
        let poorest = wanted.iter().zip(&mut parts).filter(|((_, most), part)| **part < *most).min_by(
            |((a, _), has), ((b, _), also)| {
                (**has as u64 * u64::from(*b)).cmp(&(**also as u64 * u64::from(*a)))
            },
        );
        let Some((_, part)) = poorest else { break };
        *part += 1;
        left -= 1;
    }
    parts
}

/// The nice values that make threads weigh so, beside the heaviest.
fn nice(weights: &[f64]) -> Vec<u32> {
    let most = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    // Never negative, since none weighs more than the heaviest; a cast is cut off at both ends.
    let steps = |weight: &f64| ((most / weight).ln() / STEP.ln()).round() as u32;
    weights.iter().map(|weight| steps(weight).min(MOST_NICE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_divided_by_share_and_what_one_does_not_want_goes_to_the_others() {
        assert_eq!(parts(100, &[(100, 64), (100, 64)]), [50, 50]);
        assert_eq!(parts(90, &[(200, 64), (100, 64)]), [60, 30]);
        assert_eq!(parts(100, &[(100, 10), (100, 64), (100, 64)]), [10, 45, 45]);
        assert_eq!(parts(3, &[(1000, 64), (1, 64), (1, 64)]), [1, 1, 1]);
        assert_eq!(parts(1000, &[(100, 64), (100, 64)]), [64, 64], "nobody gets more than it asks for");
    }

    #[test]
    fn threads_weigh_as_much_together_as_their_pipelines_share_says() {
        assert_eq!(nice(&[50.0, 50.0]), [0, 0]);
        // A quarter: 1.25 to the power of 6 is 3.8.
        assert_eq!(nice(&[100.0, 25.0]), [0, 6]);
        assert_eq!(nice(&[1.0, 10_000.0]), [19, 0]);
    }
}
