//! What each language needs on this machine, and how its tests are run.

use crate::apt;
use crate::command::{on_path, run};
use anyhow::Result;
use oncegate_author::{Language, Versions};
use std::path::Path;
use std::process::Command;

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
    run(Command::new("npm").current_dir(folder).args(["install", "--no-audit", "--no-fund"]))
}

/// The interpreter of the folder's own environment, with pytest.
fn virtual_environment(folder: &Path) -> Result<String> {
    let environment = folder.join(".venv");
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
