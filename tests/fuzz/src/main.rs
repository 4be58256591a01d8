//! `oncegate-fuzz`: replays what is kept and mutates it, in the ordinary build.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use oncegate_fuzz::{Corpus, Mutator, Rng, TARGETS, Target, folder, named};

const HELP: &str = "\
oncegate-fuzz [TARGET…] [--seconds N] [--seed S] [--inputs N]
oncegate-fuzz TARGET --input FILE
oncegate-fuzz TARGET --prepare FOLDER
oncegate-fuzz --list

Replays the kept inputs of each target, then mutates them for N seconds (default 5), or N times with --inputs. The same
seed makes the same inputs. What fails is written to a file beside the program, with the call that repeats it. --prepare writes what another fuzzer needs: the
seeds, and beside the folder its words (FOLDER.dict) and the length of the longest input (FOLDER.longest).
";

/// What the command line asks for.
struct Wanted {
    targets: Vec<&'static Target>,
    time: Duration,
    inputs: u64,
    seed: u64,
    input: Option<PathBuf>,
    prepared: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("--list") => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    match parse(&arguments).and_then(|wanted| run(&wanted)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Wanted, String> {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut wanted = Wanted {
        targets: Vec::new(),
        time: Duration::from_secs(5),
        inputs: u64::MAX,
        seed: clock.subsec_nanos().into(),
        input: None,
        prepared: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{argument} needs a value; see --help"));
        let number =
            |text: &String| text.parse().map_err(|_| format!("{argument} takes a number, not {text:?}"));
        match argument.as_str() {
            "--seconds" => wanted.time = Duration::from_secs(number(value()?)?),
            "--seed" => wanted.seed = number(value()?)?,
            "--inputs" => (wanted.inputs, wanted.time) = (number(value()?)?, Duration::MAX),
            "--input" => wanted.input = Some(value()?.into()),
            "--prepare" => wanted.prepared = Some(value()?.into()),
            name => {
                wanted.targets.push(named(name).ok_or(format!("there is no target {name:?}; see --list"))?)
            }
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets = TARGETS.iter().collect();
    }
    Ok(wanted)
}

fn run(wanted: &Wanted) -> Result<(), String> {
    if let (Some(path), [target]) = (&wanted.input, wanted.targets.as_slice()) {
        let input =
            std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        (target.run)(&input);
        println!("{}: {} holds", target.name, path.display());
        return Ok(());
    }
    if let (Some(folder), [target]) = (&wanted.prepared, wanted.targets.as_slice()) {
        return prepare(target, folder)
            .map_err(|error| format!("{} cannot be written: {error}", folder.display()));
    }
    println!("seed {}", wanted.seed);
    wanted.targets.iter().try_for_each(|target| fuzz(target, wanted))
}

fn fuzz(target: &Target, wanted: &Wanted) -> Result<(), String> {
    let started = Instant::now();
    let path = folder(target.name);
    let kept = Corpus::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    for (name, input) in &kept.inputs {
        hold(target, input, || format!("--input {}", path.join(name).display()))?;
    }
    let mut seeds = (target.seeds)();
    for (at, input) in seeds.iter().enumerate() {
        hold(target, input, || format!("--inputs 0 (its seed {at})"))?;
    }
    let replayed = started.elapsed();
    seeds.extend(kept.inputs.iter().map(|(_, input)| input.clone()));
    let mutator = Mutator { seeds: &seeds, words: target.words, longest: target.longest };
    let (mut rng, mut count) = (Rng::new(wanted.seed), 0);
    let started = Instant::now();
    while count < wanted.inputs && started.elapsed() < wanted.time {
        count += 1;
        hold(target, &mutator.input(&mut rng), || format!("--seed {} --inputs {count}", wanted.seed))?;
    }
    println!(
        "{:<14} {:>4} kept and {:>4} seeds hold ({:.1} s), and {count} fresh inputs ({:.1} s)",
        target.name,
        kept.inputs.len(),
        seeds.len() - kept.inputs.len(),
        replayed.as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Writes seeds, words and the longest length, as libFuzzer takes them.
fn prepare(target: &Target, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (at, seed) in (target.seeds)().into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{at}")), seed)?;
    }
    let word = |word: &&[u8]| {
        format!("\"{}\"\n", word.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>())
    };
    std::fs::write(folder.with_extension("dict"), target.words.iter().map(word).collect::<String>())?;
    std::fs::write(folder.with_extension("longest"), target.longest.to_string())
}

/// Runs one input. A panic has said by then what does not hold.
fn hold(target: &Target, input: &[u8], again: impl Fn() -> String) -> Result<(), String> {
    if catch_unwind(|| (target.run)(input)).is_ok() {
        return Ok(());
    }
    let again = format!("oncegate-fuzz {} {}", target.name, again());
    Err(match write(target, input) {
        Ok(path) => format!("{} fails; once more: {again}, or --input {}", target.name, path.display()),
        Err(error) => {
            format!("{} fails; once more: {again} (the input cannot be written: {error})", target.name)
        }
    })
}

fn write(target: &Target, input: &[u8]) -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let path = program.parent().unwrap_or(Path::new(".")).join(format!("fuzz-{}.input", target.name));
    std::fs::write(&path, input)?;
    Ok(path)
}
