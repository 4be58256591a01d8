//! Debian's packages, for machines that are ours to change: containers and CI, where one is root.

use crate::command::{on_path, output, run};
use anyhow::Result;
use std::process::Command;

/// Whether packages can be installed without asking anybody.
pub fn available() -> bool {
    on_path("apt-get").is_some() && output(Command::new("id").arg("-u")).is_ok_and(|user| user == "0")
}

/// Installs packages and nothing that they merely recommend.
pub fn install(packages: &[&str]) -> Result<()> {
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}
