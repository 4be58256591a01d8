//! The service file of `deploy`, as systemd reads it.

use super::report::Outcome::{self, Passed, Skipped};
use crate::apt;
use crate::command::{line, on_path, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

const ANALYZE: &str = "systemd-analyze";

/// What the unit may be exposed to at most, in tenths of the 10 points that systemd gives to one that is open to
/// everything. It needs the network.
const MOST_EXPOSED: &str = "20";

/// Checks the unit without a running systemd.
pub fn check(workspace: &Workspace) -> Result<Outcome> {
    if on_path(ANALYZE).is_none() && apt::available() {
        apt::install(&["systemd"])?;
    }
    if on_path(ANALYZE).is_none() {
        return Ok(Skipped(format!("there is no {ANALYZE} (Debian's package systemd)")));
    }
    let unit = workspace.root.join("deploy/oncegate.service");
    // It would complain that the program is not installed here: a copy names one that is there.
    let text = fs::read_to_string(&unit).with_context(|| unit.display().to_string())?;
    let copy = workspace.built("deployment/oncegate.service");
    fs::create_dir_all(workspace.built("deployment"))?;
    fs::write(&copy, text.replace("/usr/local/bin/oncegate", "/bin/true"))?;
    verify(&copy)?;
    let mut security = Command::new(ANALYZE);
    security.args(["security", "--offline=yes", "--no-pager", "--threshold", MOST_EXPOSED]).arg(&unit);
    run(&mut security)?;
    Ok(Passed)
}

/// A setting that systemd does not know is a warning to it; here it is a mistake.
fn verify(unit: &Path) -> Result<()> {
    let mut verify = Command::new(ANALYZE);
    verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(unit);
    println!("$ {}", line(&verify));
    let output = verify.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    // What it says of other units of this machine is not ours to mend.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("oncegate.service")).collect();
    ensure!(output.status.success() && ours.is_empty(), "the unit is not accepted: {}", ours.join("; "));
    Ok(())
}
