//! `cargo xtask languages`: the SDK of each language tested by its own runner, and its components built: the driver of
//! the conformance cases, and the payment handler.

mod toolchain;

pub use toolchain::missing;

use crate::command::run as run_command;
use crate::test::report::Outcome::{self, Passed, Skipped, Without};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use oncegate_author::Language;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the drivers of the conformance cases go, below the target folder: `LANG.wasm`.
pub const DRIVERS: &str = "conformance";

/// What takes longer than this is pointed out.
const LONG: Duration = Duration::from_secs(4 * 60);

/// A language besides Rust, whose crates are the workspace's.
struct Tongue {
    language: Language,
    /// Folders whose tests are run, in the repository.
    tested: &'static [&'static str],
    /// Folders that become components, with where these go below the target folder.
    built: &'static [(&'static str, &'static str)],
}

const TONGUES: [Tongue; 4] = [
    Tongue {
        language: Language::Go,
        tested: &["guest-sdk/go", "guest-sdk/go/conformance", "plugins/payment-go"],
        built: &[
            ("guest-sdk/go/conformance", "conformance/go.wasm"),
            ("plugins/payment-go", "plugins/payment-go.wasm"),
        ],
    },
    Tongue {
        language: Language::JavaScript,
        tested: &["guest-sdk/js", "guest-sdk/js/conformance", "plugins/payment-js", "plugins/payment-ts"],
        built: &[
            ("guest-sdk/js/conformance", "conformance/js.wasm"),
            ("plugins/payment-js", "plugins/payment-js.wasm"),
            ("plugins/payment-ts", "plugins/payment-ts.wasm"),
        ],
    },
    Tongue {
        language: Language::Python,
        tested: &["guest-sdk/python", "guest-sdk/python/conformance", "plugins/payment-python"],
        built: &[
            ("guest-sdk/python/conformance", "conformance/python.wasm"),
            ("plugins/payment-python", "plugins/payment-python.wasm"),
        ],
    },
    Tongue {
        language: Language::C,
        tested: &["guest-sdk/c", "guest-sdk/c/conformance", "plugins/payment-c"],
        built: &[
            ("guest-sdk/c/conformance", "conformance/c.wasm"),
            ("plugins/payment-c", "plugins/payment-c.wasm"),
        ],
    },
];

/// Tests and builds those that are named, or all, and fails if a toolchain is missing.
pub fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let chosen = words.iter().map(|word| word.parse::<Language>()).collect::<Result<Vec<_>, _>>()?;
    if let Some(other) =
        chosen.iter().find(|language| TONGUES.iter().all(|tongue| tongue.language != **language))
    {
        bail!(
            "{other} has no tests of its own here: Rust's crates are the workspace's, and TypeScript's go with js"
        );
    }
    match all(workspace, |tongue| chosen.is_empty() || chosen.contains(&tongue.language))? {
        Passed | Without(_) => Ok(()),
        Skipped(why) | Outcome::Failed(why) => bail!("not built: {why}"),
    }
}

/// Tests and builds all of them; skipped is what lacks its toolchain.
pub fn check(workspace: &Workspace) -> Result<Outcome> {
    all(workspace, |_| true)
}

fn all(workspace: &Workspace, is_meant: impl Fn(&Tongue) -> bool) -> Result<Outcome> {
    let (mut missing, mut long) = (Vec::new(), Vec::new());
    for tongue in TONGUES.iter().filter(|tongue| is_meant(tongue)) {
        let begun = Instant::now();
        if let Some(what) = toolchain::missing(tongue.language)? {
            missing.push(format!("{}: {what}", tongue.language));
            continue;
        }
        tongue.check(workspace).with_context(|| format!("the language {}", tongue.language))?;
        let took = begun.elapsed();
        println!("\n{}: {:.0} s", tongue.language, took.as_secs_f64());
        if took > LONG {
            long.push(format!("{} took {:.0} s", tongue.language, took.as_secs_f64()));
        }
    }
    Ok(match (missing.is_empty(), long.is_empty()) {
        (false, _) => Skipped(missing.join("; ")),
        (true, false) => Without(long.join("; ")),
        (true, true) => Passed,
    })
}

impl Tongue {
    fn check(&self, workspace: &Workspace) -> Result<()> {
        // Building brings what the tests need, too.
        for (folder, component) in self.built {
            let source = workspace.root.join(folder);
            toolchain::refresh(self.language, &source, &workspace.root.join("guest-sdk/python/src"))?;
            let built = oncegate_author::build(&source, Some(&workspace.built(component)))?;
            println!("{} ({} bytes)", built.component.display(), built.bytes);
        }
        for folder in self.tested {
            test(self.language, &workspace.root.join(folder))?;
        }
        Ok(())
    }
}

/// Runs a folder's tests, by the language's own runner.
fn test(language: Language, folder: &Path) -> Result<()> {
    println!("\n{}", folder.display());
    toolchain::tests(language, folder)?
        .iter_mut()
        .try_for_each(|command| run_command(command.current_dir(folder)))
}
