//! A compiler that can build guests.

use crate::apt;
use crate::command::{cargo, on_path, output, run};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of every guest in Rust: it has no WASI to import.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler for WebAssembly, and where its library's source lies.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// How guests are built on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// With the compiler that builds the host, which has the target.
    Installed,
    /// With Debian's compiler, which builds the standard library from source.
    Debian,
}

impl Toolchain {
    /// The first that works: what is installed, what rustup can add, what Debian has.
    pub fn find() -> Result<Toolchain> {
        if is_installed() {
            return Ok(Toolchain::Installed);
        }
        if on_path("rustup").is_some() {
            match run(Command::new("rustup").args(["target", "add", TARGET])) {
                Ok(()) if is_installed() => return Ok(Toolchain::Installed),
                Ok(()) => println!("rustup added {TARGET}, but to another toolchain than the one in use"),
                Err(error) => println!("{error:#}"),
            }
        }
        if !is_debian_installed() && apt::available() {
            apt::install(&DEBIAN_PACKAGES)?;
        }
        if is_debian_installed() {
            return Ok(Toolchain::Debian);
        }
        bail!(
            "no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// A cargo command with this subcommand, for the guests' target.
    pub fn cargo(self, subcommand: &str) -> Result<Command> {
        let mut command = cargo();
        command.args([subcommand, "--target", TARGET]);
        if let Some(home) = cargo_home() {
            // Panics name source files: the same ones, and so the same component, wherever it is built. Adds
            // to the flags in `.cargo/config.toml`.
            let remap = format!("--remap-path-prefix={}=cargo", home.display());
            command.args(["--config", &format!("target.{TARGET}.rustflags = [{remap:?}]")]);
        }
        if self == Toolchain::Debian {
            let linker = output(Command::new("rustc").args(["--print", "sysroot"]))?
                + "/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld";
            command.arg("-Zbuild-std=std,panic_abort").env("RUSTC", DEBIAN_RUSTC);
            // Lets a stable compiler build its own library.
            command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(command)
    }
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Whether the compiler in use has the target's library. Asks the compiler rather than rustup, which not
/// every machine has.
fn is_installed() -> bool {
    let mut rustc = Command::new("rustc");
    output(rustc.args(["--print", "target-libdir", "--target", TARGET]))
        .is_ok_and(|folder| Path::new(&folder).is_dir())
}

fn is_debian_installed() -> bool {
    let mut rustc = Command::new(DEBIAN_RUSTC);
    output(rustc.args(["--print", "sysroot"]))
        .is_ok_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/std").is_dir())
}
