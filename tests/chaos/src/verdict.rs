//! What the checker, a program of its own, says of the evidence.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::shape::Control;

/// The checker's exit codes.
const PROVEN: i32 = 0;
const VIOLATED: i32 = 1;
const VACUOUS: i32 = 3;

/// What it came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The checker's exit code.
    code: i32,
    /// Its table, and what it has to say of what it finds fault with.
    text: String,
    control: Option<Control>,
    /// Whether effects were lost or doubled.
    caught: bool,
}

impl Verdict {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match (self.control, self.code) {
            (Some(_), _) if self.is_good() => "caught",
            (Some(_), _) => "NOT CAUGHT",
            (None, PROVEN) => "proven",
            (None, VACUOUS) => "VACUOUS",
            (None, _) => "VIOLATED",
        }
    }

    /// Says it in a word, and gives the exit code.
    pub fn tell(&self) -> u8 {
        println!("{}", self.word());
        self.code()
    }

    /// What people are to read. Of a control the table is enough: it is full of faults.
    pub fn text(&self) -> String {
        let parts = self.text.split_inclusive("\n\n");
        if self.is_good() && self.control.is_some() { parts.take(2).collect() } else { self.text.clone() }
    }

    /// Whether it is what it should be: a control has to be caught, by effects that were lost or doubled.
    pub fn is_good(&self) -> bool {
        self.code() == 0
    }

    /// The exit code: 0 as it should be, 1 violated or not caught, 3 vacuous.
    pub fn code(&self) -> u8 {
        match (self.control, self.code) {
            (Some(_), VIOLATED) if self.caught => 0,
            (Some(_), _) => 1,
            (None, code) => u8::try_from(code).unwrap_or(1),
        }
    }
}

/// Has the evidence in a folder judged. The error says why it cannot be.
pub fn of(folder: &Path, control: Option<Control>) -> Result<Verdict, String> {
    let (code, text) = call(folder, &[])?;
    let caught = control.is_some() && {
        let (_, json) = call(folder, &["--json"])?;
        let report: Value =
            serde_json::from_str(&json).map_err(|error| format!("the checker's JSON: {error}"))?;
        report["rows"].as_array().into_iter().flatten().any(|row| {
            let name = row["name"].as_str().unwrap_or_default();
            row["ok"] == false && (name.starts_with("lost") || name.starts_with("doubled"))
        })
    };
    Ok(Verdict { code, text, control, caught })
}

fn call(folder: &Path, arguments: &[&str]) -> Result<(i32, String), String> {
    // It lies beside this program.
    let beside = || std::env::current_exe().map(|own| own.with_file_name("oncegate-checker"));
    let program = match std::env::var_os("ONCEGATE_CHECKER") {
        Some(program) => PathBuf::from(program),
        None => beside().map_err(|error| format!("this program's own path: {error}"))?,
    };
    let output = Command::new(&program).arg(folder).args(arguments).output();
    let output =
        output.map_err(|error| format!("the checker {} cannot be called: {error}", program.display()))?;
    match output.status.code() {
        Some(code @ (PROVEN | VIOLATED | VACUOUS)) => {
            Ok((code, String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        _ => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
