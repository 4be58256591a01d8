//! `oncegate test`: tries a handler, with hosts that die on purpose.

mod args;
mod project;
mod setup;
mod watching;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::{ArgMatches, Command};
use oncegate_sandbox::Engine;

use crate::compiling::Compiling;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::rehearsal::report::{json, text};
use crate::rehearsal::{Cases, Counts, Facts, Rehearsal, Report};
use crate::{assembly, fail, rights};

use self::setup::Setup;

/// Up to so many messages each is shown in full.
const MOST_BLOCKS: usize = 20;

const HELP: &str = "Each message is delivered to a host that crashes when the handler has returned ok and
nothing is settled (before-settle), again to one that crashes when all is settled and nothing
acknowledged (before-ack), and once more, which has to be a duplicate. --crash says otherwise.
Outputs go nowhere: they are shown.

A line of the input is what `run` takes it for. An envelope may have one more member, that is
checked:
  {\"payload\":{…},\"expect\":{\"end\":\"applied\",\"outputs\":[{\"topic\":\"charges\"}],\"receipt\":\"ch_1\"}}
  end      applied, duplicate, no-effect, unkeyed, retry (the handler failed at least once),
           dead-letter, or one kind of that: rejected, attempts-used-up, effect-without-commit,
           mismatch, dead, host-died
  reason   a part of the dead letter's reason, or of the handler's own failure
  outputs  all of them, in order; of each what is to be looked at: topic, key, headers, payload
  receipt  of a key that it commits, or that it is told as a duplicate
What is JSON is compared by its value. docs/testing.md has more.

Exit codes:
  0  every message did what it should
  1  an effect happened twice, is missing or differs, a message was given up, or is not what its
     line expects
  2  wrong command line or configuration
  3  the plugin cannot be used
  4  the store cannot be used
  5  the input cannot be read, or has a line that is no message
  10 what the project is built with is missing, or failed";

pub fn command() -> Command {
    let store = "Where claims and commits live: memory:, in which no time is waited for; file:PATH, which each crash \
                 opens again; redis://HOST[:PORT][/DB] or rediss://, where a crashed claim's lease is waited for, which \
                 is 2.5s there. The keys have a namespace of their own and are gone after an hour. The password \
                 comes from ONCEGATE_REDIS_PASSWORD [default: memory:]";
    let command = Command::new("test")
        .about("Tries a handler: no effect may happen twice or be lost, although hosts crash")
        .args(args::of_messages());
    super::with_these_settings(command, |setting| setup::FLAGS.contains(&setting.path))
        .args(args::others())
        .mut_arg("store.url", |arg| arg.help(store))
        .mut_arg("output.topics", |arg| arg.help("The topics that the handler may emit to. Default: any"))
        .after_help(HELP)
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let plugin = matches.get_one::<String>("plugin").map(Path::new).unwrap_or(Path::new(""));
    if project::is_one(plugin) {
        return project::run(matches, plugin);
    }
    let setup = Setup::of(matches)?;
    let compiling = Compiling::new(&setup.config.host)?;
    rights::drop_for_a_test(&setup.config, &setup.files(matches), &compiling)?;
    let test = Test { matches, compiling };
    match matches.get_flag("watch") {
        true => watching::run(&test, &setup),
        false => verdict(&test.once(&setup, &test.engine(&setup)?, &AtomicBool::new(false))?),
    }
}

/// The end of a test that came to its end.
fn verdict(counts: &Counts) -> Result<(), Failure> {
    match counts.failed {
        0 => Ok(()),
        failed => {
            Err(fail!(Exit::Failed, "{failed} of {} messages did not do what they should", counts.messages))
        }
    }
}

/// What stays the same when it is tested again.
struct Test<'a> {
    matches: &'a ArgMatches,
    compiling: Compiling,
}

impl Test<'_> {
    fn engine(&self, setup: &Setup) -> Result<Engine, Failure> {
        assembly::engine(std::slice::from_ref(&setup.config), self.compiling.compiler.clone())
    }

    /// Tests once, and prints what there is to say.
    fn once(&self, setup: &Setup, engine: &Engine, stop: &AtomicBool) -> Result<Counts, Failure> {
        let began = Instant::now();
        let config = &setup.config;
        let cases = Cases::read(&setup.input, setup.format, setup.line_limit).or_exit(Exit::File)?;
        let deliveries = setup.plan.deliveries().saturating_mul(cases.cases.len() as u64);
        if deliveries > setup::MOST_DELIVERIES {
            return Err(fail!(
                Exit::Usage,
                "these are {deliveries} deliveries, and a test makes {} at the most: take fewer messages, or --repeat \
                 them less often",
                setup::MOST_DELIVERIES
            ));
        }
        let handler = assembly::handler(engine, config)?;
        let is_json = self.matches.get_flag("json");
        let in_full = self.matches.get_flag("verbose") || cases.cases.len() <= MOST_BLOCKS;
        let mut tell = |report: &Report<'_>| {
            let text = match is_json {
                true => super::json_line(&json::message(report)),
                false if in_full || !report.faults.is_empty() => {
                    text::block(report, &cases.source, config.rules.log_level)
                }
                false => text::line(report, &cases.source),
            };
            super::print(&text)
        };
        let init_store = self.matches.get_flag("init-store");
        let rehearsal =
            Rehearsal { config, handler: &handler, cases: &cases, plan: &setup.plan, init_store, stop };
        let counts = rehearsal.run(&mut tell)?;
        let facts = Facts {
            store: config.store.url.to_string(),
            namespace: config.policy.namespace.to_string(),
            seed: setup.seed(),
            took: began.elapsed(),
        };
        super::print(&match is_json {
            true => super::json_line(&json::summary(&counts, &facts)),
            false => text::summary(&counts, &facts),
        })?;
        Ok(counts)
    }
}

/// The configuration file, if one is named.
fn config_file(matches: &ArgMatches) -> Option<&Path> {
    matches.get_one::<String>("config").map(Path::new)
}
