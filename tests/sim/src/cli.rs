//! The command line.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

pub const HELP: &str = "\
oncegate-sim --seeds N [--from S]
oncegate-sim --seed S
oncegate-sim --regressions [--fresh SECONDS]

Runs the real gate, pipeline and settle on virtual time, with hosts that die or stand still wherever they wait,
servers that stall, fail over and forget, and connections that are lost. What happens follows from the seed alone.

  --seeds N        run so many seeds, from 0 or from S on
  --from S         the first of them
  --seed S         run one, and print what happens, a line each with its virtual time
  --regressions    run the seeds that failed once
  --fresh SECONDS  then others for so long, and say which

A seed that fails is printed with its history, shortened.
Exit codes: 0 all is as it should be; 1 it is not; 2 wrong command line; 3 the runs met too little to mean anything.
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    One(u64),
    Seeds { from: u64, count: u64 },
    Fixed { fresh: Option<Duration> },
}

/// Reads the arguments.
pub fn parse(arguments: &[String]) -> Result<Command, String> {
    let (mut one, mut count, mut from, mut regressions, mut fresh) = (None, None, None, false, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().ok_or(format!("{argument} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {value:?}"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--seed" => one = Some(number()?),
            "--seeds" => count = Some(number()?),
            "--from" => from = Some(number()?),
            "--fresh" => fresh = Some(Duration::from_secs(number()?)),
            "--regressions" => regressions = true,
            other => return Err(format!("there is no {other:?}")),
        }
    }
    match (one, count, regressions) {
        (Some(seed), None, false) if from.is_none() && fresh.is_none() => Ok(Command::One(seed)),
        (None, Some(count), false) if fresh.is_none() => {
            Ok(Command::Seeds { from: from.unwrap_or(0), count })
        }
        (None, None, true) if from.is_none() => Ok(Command::Fixed { fresh }),
        _ => Err("name one of --seeds, --seed and --regressions, with what belongs to it".to_owned()),
    }
}

/// A seed that nobody has tried, most likely.
pub fn fresh() -> u64 {
    // Short enough to be typed.
    RandomState::new().hash_one(std::process::id()) >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_belongs_together_is_taken_and_nothing_else() {
        assert_eq!(parsed("--seeds 5 --from 7"), Ok(Command::Seeds { from: 7, count: 5 }));
        assert_eq!(parsed("--seed 5"), Ok(Command::One(5)));
        let fresh = Some(Duration::from_secs(3));
        assert_eq!(parsed("--regressions --fresh 3"), Ok(Command::Fixed { fresh }));
        for wrong in ["", "--seed", "--seed x", "--seed 1 --seeds 2", "--fresh 3", "--seed 1 --from 2", "1"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
