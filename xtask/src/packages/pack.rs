//! How each language packs: its own tool, into a folder.

use crate::command::{cargo, run};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use oncegate_author::{Language, Versions};
use std::path::{Path, PathBuf};
use std::process::Command;

/// With `cargo package`.
pub fn rust(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let mut command = cargo();
    command.current_dir(&workspace.root).args([
        "package",
        "--package",
        "oncegate-sdk",
        "--no-verify",
        "--allow-dirty",
    ]);
    // The example is what verifies it.
    run(command.arg("--quiet").arg("--target-dir").arg(folder))?;
    ending(&folder.join("package"), ".crate")
}

/// With `npm pack`.
pub fn javascript(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let mut npm = Command::new("npm");
    npm.current_dir(workspace.root.join("guest-sdk/js")).args(["pack", "--silent", "--pack-destination"]);
    run(npm.arg(folder))?;
    ending(folder, ".tgz")
}

/// With `python -m build`, in an environment of its own.
pub fn python(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let version = Versions::read()?.tool("build").to_owned();
    let environment = workspace.built("tools").join(format!("build-{version}"));
    let python = environment.join("bin/python");
    if !environment.join("bin/pyproject-build").is_file() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(pip.arg(format!("build=={version}")))?;
    }
    let mut build = Command::new(python);
    build.current_dir(workspace.root.join("guest-sdk").join(Language::Python.word()));
    run(build.args(["-m", "build", "--outdir"]).arg(folder))?;
    // The source is packed, too, and the wheel is made of that.
    ending(folder, ".tar.gz")?;
    ending(folder, ".whl")
}

/// With its makefile.
pub fn c(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let sdk = workspace.root.join("guest-sdk/c");
    run(Command::new("make").current_dir(&sdk).args(["--silent", "dist"]))?;
    let packed = ending(&sdk.join("build"), ".tar.gz")?;
    let file = folder.join(packed.file_name().unwrap_or_default());
    std::fs::copy(&packed, &file)?;
    Ok(file)
}

/// Unpacks a tar beside itself, and returns the one folder that it consists of.
pub fn unpacked(packed: &Path) -> Result<PathBuf> {
    let parent = packed.parent().context("a package lies in a folder")?;
    let folder = parent.join("unpacked");
    std::fs::create_dir_all(&folder)?;
    run(Command::new("tar").arg("-xzf").arg(packed).arg("-C").arg(&folder))?;
    let entry = std::fs::read_dir(&folder)?.next().context("an empty package")??;
    Ok(entry.path())
}

/// The file in a folder whose name ends so.
fn ending(folder: &Path, ending: &str) -> Result<PathBuf> {
    let files = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let found = files.find(|file| file.to_string_lossy().ends_with(ending));
    found.with_context(|| format!("nothing that ends with {ending} was packed into {}", folder.display()))
}
