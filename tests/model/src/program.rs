//! The program: searches, and prints what it found.

use std::collections::HashMap;
use std::io::Write;

use crate::config::Config;
use crate::moves::{Kind, Nature};
use crate::mutation::Mutation;
use crate::parallel::in_parallel;
use crate::scenarios;
use crate::search::{Counts, Found, search};

/// What `--help` says.
const HELP: &str = "\
Searches the protocol through and through, with every fault at every step, in worlds small enough to do so; then shows
that it breaks without each of its rules.

Usage: oncegate-model [OPTIONS]

Options:
      --config <NAME>   search only this world; may be given more than once
      --list            say which worlds there are
      --mutations-only  only show what breaks without each rule
      --histories       print how each rule's absence breaks something, step by step
      --threads <N>     search so many worlds at once, 1 to 8 [default: 2]
  -h, --help            print this

Exit codes: 0 all holds and every mutation shows; 1 something does not hold, or a mutation shows nothing; 2 wrong usage;
3 all holds, but something that should happen never did.
";

/// All holds, and every mutation shows.
pub const PROVEN: u8 = 0;
/// Something does not hold, or a mutation shows nothing.
pub const BROKEN: u8 = 1;
/// It was called in a way that it does not know.
pub const USAGE: u8 = 2;
/// Something that should happen never did, so that nothing is shown of it.
pub const VACUOUS: u8 = 3;

/// What it was asked to do.
#[derive(Debug, Default)]
struct Options {
    worlds: Vec<&'static Config>,
    mutations_only: bool,
    histories: bool,
    list: bool,
    help: bool,
    threads: usize,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { threads: 2, ..Self::default() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--config" => {
                    let name = words.next().ok_or("--config needs the name of a world; --list says which")?;
                    let world = scenarios::ALL.iter().find(|world| world.name == name);
                    options
                        .worlds
                        .push(world.ok_or(format!("no world is called {name}; --list says which"))?);
                }
                "--threads" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    let number = number.filter(|number| (1..=8).contains(number));
                    options.threads = number.ok_or("--threads needs a number from 1 to 8")?;
                }
                "--mutations-only" => options.mutations_only = true,
                "--histories" => options.histories = true,
                "--list" => options.list = true,
                "-h" | "--help" => options.help = true,
                _ => return Err(format!("{word} is no option; --help says which there are")),
            }
        }
        Ok(options)
    }
}

/// Runs the program: what it was given, and where it prints. Its exit code, or why it could not print.
pub fn run(words: impl Iterator<Item = String>, out: &mut (impl Write + Send)) -> std::io::Result<u8> {
    let options = match Options::read(words) {
        Ok(options) => options,
        Err(why) => {
            writeln!(out, "{why}")?;
            return Ok(USAGE);
        }
    };
    if options.help {
        out.write_all(HELP.as_bytes())?;
        return Ok(PROVEN);
    }
    if options.list {
        for world in scenarios::ALL {
            writeln!(out, "{:<22} {}", world.name, world.about)?;
        }
        return Ok(PROVEN);
    }
    let worlds = match (options.mutations_only, &options.worlds[..]) {
        (true, _) => PROVEN,
        (false, []) => search_worlds(&scenarios::ALL.iter().collect::<Vec<_>>(), &options, out)?,
        (false, chosen) => search_worlds(chosen, &options, out)?,
    };
    if !options.worlds.is_empty() {
        return Ok(worlds);
    }
    let mutations = show_mutations(&options, out)?;
    Ok(if mutations == PROVEN { worlds } else { mutations })
}

/// Searches these worlds through.
fn search_worlds(
    worlds: &[&Config],
    options: &Options,
    out: &mut (impl Write + Send),
) -> std::io::Result<u8> {
    let header = ("world", "states", "steps", "depth", "seconds");
    writeln!(out, "{:<22}{:>10}{:>12}{:>7}{:>9}  verdict", header.0, header.1, header.2, header.3, header.4)?;
    let mut counts = Counts::none();
    let mut holds = true;
    let told = in_parallel(
        options.threads,
        worlds,
        |world| search(world),
        |world, found| {
            counts.add(&found.counts);
            holds &= found.violation.is_none();
            tell_world(world, &found, out)
        },
    );
    told?;
    if !holds {
        return Ok(BROKEN);
    }
    let never: Vec<&str> = never_met(&counts).map(Kind::words).collect();
    if worlds.len() == scenarios::ALL.len() && !never.is_empty() {
        writeln!(out, "an empty victory: in no world it ever happened that\n  {}", never.join("\n  "))?;
        return Ok(VACUOUS);
    }
    Ok(PROVEN)
}

/// What should happen somewhere in a world without a mutation, and never did.
pub fn never_met(counts: &Counts) -> impl Iterator<Item = Kind> {
    let kinds = Kind::ALL.iter().copied().filter(|kind| kind.nature() != Nature::Mutant);
    kinds.filter(|kind| counts.of(*kind) == 0)
}

fn tell_world(world: &Config, found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    let verdict = match &found.violation {
        None => "holds".to_owned(),
        Some(violation) => violation.broken.to_string(),
    };
    let Found { states, transitions, depth, .. } = found;
    let seconds = found.took.as_secs_f64();
    writeln!(out, "{:<22}{states:>10}{transitions:>12}{depth:>7}{seconds:>9.1}  {verdict}", world.name)?;
    tell_history(found, out)
}

fn tell_history(found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    for happens in found.violation.iter().flat_map(|violation| &violation.history) {
        writeln!(out, "    {happens}")?;
    }
    Ok(())
}

/// A mutation in its world, and the same world without it.
#[derive(Debug)]
pub struct Shown {
    /// Which.
    pub mutation: Mutation,
    /// Where.
    pub world: Config,
    /// What was found there with it.
    pub found: Found,
    /// Whether all holds there without it. Otherwise what was found shows nothing.
    pub holds_without: bool,
}

impl Shown {
    /// Whether the mutation is what breaks something.
    pub fn bites(&self) -> bool {
        self.holds_without && self.found.violation.is_some()
    }
}

/// Takes each rule out, and says what breaks.
pub fn show_all(threads: usize) -> Vec<Shown> {
    let mut worlds: HashMap<&str, Config> = HashMap::new();
    for mutation in Mutation::ALL {
        let world = scenarios::showing(mutation);
        worlds.insert(world.name, world);
    }
    let worlds: Vec<Config> = worlds.into_values().collect();
    let mut holds = HashMap::new();
    let told: Result<(), std::convert::Infallible> = in_parallel(threads, &worlds, search, |world, found| {
        holds.insert(world.name, found.violation.is_none());
        Ok(())
    });
    let Ok(()) = told;
    let show = |mutation: &Mutation| search(&scenarios::showing(*mutation).without(*mutation));
    let mut shown = Vec::new();
    let told: Result<(), std::convert::Infallible> =
        in_parallel(threads, &Mutation::ALL, show, |mutation, found| {
            let world = scenarios::showing(*mutation);
            let holds_without = holds.get(world.name).copied().unwrap_or(false);
            shown.push(Shown { mutation: *mutation, world, found, holds_without });
            Ok(())
        });
    let Ok(()) = told;
    shown.sort_by_key(|shown| Mutation::ALL.iter().position(|mutation| *mutation == shown.mutation));
    shown
}

fn show_mutations(options: &Options, out: &mut impl Write) -> std::io::Result<u8> {
    writeln!(out, "\n{:<9}{:<85}{:>6}  what breaks", "without", "so that", "steps")?;
    let mut bites = true;
    for shown in show_all(options.threads) {
        bites &= shown.bites();
        let (of, sentence) = (shown.mutation.of(), shown.mutation.sentence());
        let (steps, breaks) = match &shown.found.violation {
            _ if !shown.holds_without => (0, "its world does not hold without it either".to_owned()),
            Some(violation) => (violation.history.len(), violation.broken.to_string()),
            None => (0, "nothing: the model does not show it".to_owned()),
        };
        writeln!(out, "{of:<9}{sentence:<85}{steps:>6}  {breaks}")?;
        if options.histories {
            tell_history(&shown.found, out)?;
        }
    }
    Ok(if bites { PROVEN } else { BROKEN })
}
