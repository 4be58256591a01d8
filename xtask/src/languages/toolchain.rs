//! What each language needs on this machine, and how its tests are run.

use crate::apt;
use crate::command::{on_path, run};
use anyhow::Result;
use oncegate_author::{Language, Versions};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Where a folder has its Python.
const ENVIRONMENT: &str = ".venv";

/// What is missing, after installing what can be.
pub fn missing(language: Language) -> Result<Option<String>> {
    let clang = format!("clang-{}", Versions::read()?.tool("clang"));
    let compiler_for_c = compiler_for_c(&clang);
    let needed: Vec<(&str, Vec<&str>)> = match language {
        Language::Rust => vec![],
        Language::Go => vec![("go", vec!["golang-go"])],
        Language::JavaScript | Language::TypeScript => vec![("npm", vec!["nodejs", "npm"])],
        Language::Python => vec![("python3", vec!["python3", "python3-venv"])],
        Language::C => vec![
            ("make", vec!["make"]),
            ("cc", vec!["gcc", "libc6-dev"]),
            (&clang, compiler_for_c.iter().map(String::as_str).collect()),
        ],
    };
    for (program, packages) in needed {
        if on_path(program).is_none() && apt::available() {
            apt::install(&packages)?;
        }
        if on_path(program).is_none() {
            return Ok(Some(format!("no {program} (Debian: apt-get install {})", packages.join(" "))));
        }
    }
    Ok(None)
}

/// Debian's packages with a compiler from C to WebAssembly.
fn compiler_for_c(clang: &str) -> Vec<String> {
    let version = clang.trim_start_matches("clang-");
    vec![
        clang.to_owned(),
        format!("lld-{version}"),
        "wasi-libc".to_owned(),
        format!("libclang-rt-{version}-dev-wasm32"),
    ]
}

/// The commands that test a folder.
pub fn tests(language: Language, folder: &Path) -> Result<Vec<Command>> {
    let command = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments);
        command
    };
    Ok(match language {
        Language::Rust => vec![command("cargo", &["test"])],
        Language::Go => vec![command("go", &["vet", "./..."]), command("go", &["test", "./..."])],
        Language::JavaScript | Language::TypeScript => {
            npm_install(folder)?;
            vec![command("npm", &["test", "--silent"])]
        }
        Language::Python => {
            let python = virtual_environment(folder)?;
            vec![command(&python, &["-m", "pytest", "-q"])]
        }
        Language::C => vec![command("make", &["--no-print-directory", "test"])],
    })
}

fn npm_install(folder: &Path) -> Result<()> {
    if folder.join("node_modules").is_dir() {
        return Ok(());
    }
    run(Command::new("npm").current_dir(folder).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ]))
}

/// The interpreter of the folder's own environment, with pytest.
fn virtual_environment(folder: &Path) -> Result<String> {
    let environment = folder.join(ENVIRONMENT);
    let python = environment.join("bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    if !environment.join("bin/pytest").is_file() {
        let mut pip = Command::new(&python);
        pip.current_dir(folder).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(pip.args(["--editable", ".[test]"]))?;
    }
    Ok(python.display().to_string())
}

/// Removes a folder's environment if the SDK is newer: what is installed there is a copy of it.
pub fn refresh(language: Language, folder: &Path, sdk: &Path) -> Result<()> {
    let environment = folder.join(ENVIRONMENT);
    let made = fs::metadata(environment.join("pyvenv.cfg")).and_then(|file| file.modified());
    if language == Language::Python && made.is_ok_and(|made| newest(sdk).is_ok_and(|newest| newest > made)) {
        fs::remove_dir_all(&environment)?;
    }
    Ok(())
}

/// When the last of the sources below a folder was changed.
fn newest(folder: &Path) -> std::io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            newest = newest.max(self::newest(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "py") {
            newest = newest.max(fs::metadata(&path)?.modified()?);
        }
    }
    Ok(newest)
}
