//! Rust: cargo, for the target that has no WASI to import.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Build;
use crate::component;
use crate::error::Error;
use crate::language::Language;
use crate::tool;

const TARGET: &str = "wasm32-unknown-unknown";
/// A guest's stack lies in its linear memory: 64 KiB instead of the linker's 1 MiB.
const STACK: &str = "-Clink-arg=-zstack-size=65536";

pub(super) fn component(build: Build<'_>) -> Result<Vec<u8>, Error> {
    let how = "install Rust, see https://rustup.rs";
    let cargo = tool::find(&["cargo"], Language::Rust, how)?;
    if !has_target()? {
        return Err(Error::Missing {
            program: format!("the target {TARGET}"),
            language: Language::Rust.name(),
            how: format!("rustup target add {TARGET}"),
        });
    }
    let folder = &build.project.folder;
    let mut flags = vec![STACK.to_owned()];
    // Panics name source files: the same ones, and so the same component, wherever it is built.
    flags.push(format!("--remap-path-prefix={}=.", folder.display()));
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let flags: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
    let mut command = Command::new(cargo);
    command.current_dir(folder).args(["build", "--release", "--lib", "--target", TARGET]);
    command.arg("--config").arg(format!("target.{TARGET}.rustflags = [{}]", flags.join(", ")));
    command.args(["--message-format", "json-render-diagnostics"]);
    let said = tool::output(&mut command)?;
    let module = module(&said, &folder.join("Cargo.toml")).ok_or_else(|| {
        let why = "it makes no WebAssembly module: the library needs `crate-type = [\"cdylib\"]`";
        Error::project(&folder.join("Cargo.toml"), why)
    })?;
    component::encode_with(&module, &build.made(&module)?, None)
}

/// Asks the compiler rather than rustup, which not every machine has.
fn has_target() -> Result<bool, Error> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    Ok(Path::new(&tool::output(&mut rustc)?).is_dir())
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// The module that the package of this manifest became, of all that cargo built.
fn module(said: &str, manifest: &Path) -> Option<PathBuf> {
    let built = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut files = built
        .filter(|line| line["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
        .flat_map(|line| line["filenames"].as_array().cloned().unwrap_or_default());
    files.find_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_s_own_module_is_found_among_all_that_was_built() {
        let said = r#"{"reason":"compiler-artifact","manifest_path":"/p/sdk/Cargo.toml","filenames":["/t/libsdk.rlib"]}
not json
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/libp.rlib","/t/p.wasm"]}"#;
        assert_eq!(module(said, Path::new("/p/Cargo.toml")), Some(PathBuf::from("/t/p.wasm")));
        assert_eq!(module(said, Path::new("/p/sdk/Cargo.toml")), None);
    }
}
