//! `cargo xtask fixtures`: one component of each toolchain that imports WASI, for the tests of the sandbox.
//!
//! What they need is installed from the registries below the target folder. A fixture whose sources and tools
//! have not changed is not built again.

mod go;
mod tools;

use crate::test::report::Outcome::{self, Passed, Skipped};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tools::Tools;

pub use tools::payment_on_starlingmonkey;

/// Where the components go, below the target folder: `NAME.wasm`.
pub const FOLDER: &str = "fixtures";

/// One component.
struct Fixture {
    /// Its folder below `tests/fixtures`, and the component's name.
    name: &'static str,
    /// What builds it, so that another version builds it again; for Go none, since it is the one that is there.
    tool: &'static str,
    /// Builds it, or says what is missing.
    build: fn(&Subject) -> Result<Built>,
}

/// What is built from what.
struct Subject<'a> {
    tools: Tools<'a>,
    /// Its sources.
    folder: PathBuf,
    /// The contract.
    wit: PathBuf,
    /// What it is to be written to.
    component: PathBuf,
}

/// What became of it.
enum Built {
    Done,
    /// This is missing on this machine.
    Missing(String),
}

const FIXTURES: [Fixture; 4] = [
    Fixture { name: "go", tool: "", build: go::build },
    Fixture { name: "python", tool: tools::COMPONENTIZE_PY, build: tools::python },
    Fixture { name: "quickjs", tool: tools::COMPONENTIZE_QJS, build: tools::quickjs },
    Fixture { name: "starlingmonkey", tool: tools::COMPONENTIZE_JS, build: tools::starlingmonkey },
];

/// Builds what has changed, and fails if something is missing.
pub fn run(workspace: &Workspace) -> Result<()> {
    match build(workspace)? {
        Passed | Outcome::Without(_) => Ok(()),
        Skipped(why) | Outcome::Failed(why) => bail!("not built: {why}"),
    }
}

/// Builds what has changed; skipped is what lacks its toolchain.
pub fn build(workspace: &Workspace) -> Result<Outcome> {
    let folder = workspace.built(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut missing = Vec::new();
    for fixture in FIXTURES {
        let subject = Subject {
            tools: Tools { workspace },
            folder: workspace.root.join("tests/fixtures").join(fixture.name),
            wit: workspace.root.join("wit/plugin/0.1.0"),
            component: folder.join(fixture.name).with_extension("wasm"),
        };
        let built = subject.build(&fixture).with_context(|| format!("the fixture `{}`", fixture.name))?;
        if let Built::Missing(what) = built {
            missing.push(format!("{}: {what}", fixture.name));
        }
    }
    Ok(if missing.is_empty() { Passed } else { Skipped(missing.join("; ")) })
}

impl Subject<'_> {
    fn build(&self, fixture: &Fixture) -> Result<Built> {
        // What it was made of stands beside it, as it was: it is short.
        let made_of = self.component.with_extension("made-of");
        let now = self.made_of(&tools::version(fixture.tool)?)?;
        if self.component.is_file() && fs::read_to_string(&made_of).is_ok_and(|then| then == now) {
            println!("{} is up to date", self.component.display());
            return Ok(Built::Done);
        }
        let built = (fixture.build)(self)?;
        if let Built::Done = built {
            let size = fs::metadata(&self.component).context("it was not written")?.len();
            println!("{} ({size} bytes)", self.component.display());
            fs::write(&made_of, now)?;
        }
        Ok(built)
    }

    fn made_of(&self, version: &str) -> Result<String> {
        let mut text = format!("{version}\n");
        for folder in [&self.folder, &self.wit] {
            for file in files(folder)? {
                let content = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                writeln!(text, "{}: {} bytes\n{content}", file.display(), content.len())?;
            }
        }
        Ok(text)
    }
}

/// The files of a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
