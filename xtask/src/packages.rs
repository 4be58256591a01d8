//! `cargo xtask packages`: each SDK packed by its language's own tool, twice, and an example built from what was packed.

mod go;
mod pack;

use crate::languages;
use crate::test::report::Outcome::{self, Passed, Skipped, Without};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use oncegate_author::{Language, Scaffold, SdkFrom};
use std::fs;
use std::path::{Path, PathBuf};

/// Where packages go, below the target folder: a folder for each language.
const FOLDER: &str = "packages";

/// Folders that builds leave behind, and no example consists of.
const BUILT: [&str; 6] = ["build", "node_modules", ".venv", "__pycache__", ".pytest_cache", "target"];

/// One SDK's package.
struct Package {
    language: Language,
    /// Packs the SDK into a folder, and names the file.
    pack: fn(&Workspace, &Path) -> Result<PathBuf>,
    /// The handler that is built from it, where its manifest names the SDK, and what that says instead.
    example: Example,
}

/// What is built from a package.
enum Example {
    /// A handler of this repository: its folder, its manifest, and how that names the SDK.
    Plugin {
        folder: &'static str,
        manifest: &'static str,
        names: &'static str,
        becomes: fn(&Workspace, &Path) -> Result<String>,
    },
    /// A new project, with this handler's sources.
    Project { sources: &'static str },
}

const PACKAGES: [Package; 5] = [
    Package {
        language: Language::Rust,
        pack: pack::rust,
        example: Example::Project { sources: "plugins/payment/src" },
    },
    Package {
        language: Language::Go,
        pack: go::pack,
        example: Example::Plugin {
            folder: "plugins/payment-go",
            manifest: "go.mod",
            names: "replace oncegate.dev/sdk => ../../guest-sdk/go",
            becomes: go::replacement,
        },
    },
    Package {
        language: Language::JavaScript,
        pack: pack::javascript,
        example: Example::Plugin {
            folder: "plugins/payment-js",
            manifest: "package.json",
            names: "file:../../guest-sdk/js",
            becomes: |_, package| Ok(format!("file:{}", package.display())),
        },
    },
    Package {
        language: Language::Python,
        pack: pack::python,
        example: Example::Plugin {
            folder: "plugins/payment-python",
            manifest: "pyproject.toml",
            names: "{root:uri}/../../guest-sdk/python",
            becomes: |_, package| Ok(format!("file://{}", package.display())),
        },
    },
    Package {
        language: Language::C,
        pack: pack::c,
        example: Example::Plugin {
            folder: "plugins/payment-c",
            manifest: "Makefile",
            names: "../../guest-sdk/c",
            becomes: |_, package| Ok(pack::unpacked(package)?.display().to_string()),
        },
    },
];

/// Packs all of them, and fails if a toolchain is missing.
pub fn run(workspace: &Workspace) -> Result<()> {
    match check(workspace)? {
        Passed | Without(_) => Ok(()),
        Skipped(why) | Outcome::Failed(why) => bail!("not packed: {why}"),
    }
}

/// Packs all of them; skipped is what lacks its toolchain.
pub fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut missing = Vec::new();
    for package in &PACKAGES {
        match languages::missing(package.language)? {
            Some(what) => missing.push(format!("{}: {what}", package.language)),
            None => {
                package.check(workspace).with_context(|| format!("the package for {}", package.language))?
            }
        }
    }
    Ok(if missing.is_empty() { Passed } else { Skipped(missing.join("; ")) })
}

impl Package {
    fn check(&self, workspace: &Workspace) -> Result<()> {
        let folder = workspace.built(FOLDER).join(self.language.word());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        let pack = |name: &str| -> Result<PathBuf> {
            fs::create_dir_all(folder.join(name))?;
            (self.pack)(workspace, &folder.join(name))
        };
        let (packed, again) = (pack("packed")?, pack("again")?);
        ensure!(fs::read(&packed)? == fs::read(&again)?, "{} has other bytes each time", packed.display());
        println!("{} ({} bytes, the same twice)", packed.display(), fs::metadata(&packed)?.len());
        let source = self.example.write(self.language, workspace, &folder, &packed)?;
        let built = oncegate_author::build(&source, Some(&folder.join("payment.wasm")))?;
        println!("{} ({} bytes, from the package)\n", built.component.display(), built.bytes);
        Ok(())
    }
}

impl Example {
    /// Writes its project, which has the packed SDK, and returns its folder.
    fn write(
        &self,
        language: Language,
        workspace: &Workspace,
        folder: &Path,
        packed: &Path,
    ) -> Result<PathBuf> {
        match self {
            Self::Plugin { folder: plugin, manifest, names, becomes } => {
                let project = folder.join("payment");
                copy(&workspace.root.join(plugin), &project)?;
                let manifest = project.join(manifest);
                let text = fs::read_to_string(&manifest)?;
                ensure!(text.contains(names), "{} does not name the SDK as `{names}`", manifest.display());
                fs::write(&manifest, text.replace(names, &becomes(workspace, packed)?))?;
                Ok(project)
            }
            Self::Project { sources } => {
                let scaffold = Scaffold { language, name: "payment".to_owned(), sdk: SdkFrom::Bundled };
                let project = scaffold.write(folder)?;
                for (own, packed) in [("src", workspace.root.join(sources)), ("sdk", pack::unpacked(packed)?)]
                {
                    fs::remove_dir_all(project.join(own))?;
                    copy(&packed, &project.join(own))?;
                }
                Ok(project)
            }
        }
    }
}

/// Copies a folder's sources.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        match path.is_dir() {
            true if BUILT.iter().any(|built| name == *built) => {}
            true => copy(&path, &to.join(&name))?,
            false => drop(fs::copy(&path, to.join(&name))?),
        }
    }
    Ok(())
}
