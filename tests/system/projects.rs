//! A newcomer's way in each language: `oncegate new`, `oncegate build`, the language's own tests, and a run, in an empty
//! folder, with the checkout out of reach.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use oncegate_tests::language;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with the program and nothing else, and commands that see nothing of the checkout.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(oncegate_tests::oncegate().get_program(), folder.path().join("oncegate")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script in a folder. An empty file system lies over the checkout meanwhile.
    fn sh(&self, folder: &str, script: &str) -> Output {
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).canonicalize().unwrap();
        let hidden = format!(
            "mount -t tmpfs none '{}' && cd '{}' && {script}",
            checkout.display(),
            self.path(folder).display()
        );
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", &hidden]);
        command.env("PATH", format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap()));
        // What the test's own cargo says to the tests is nothing that an author has.
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME")
        {
            command.env_remove(name);
        }
        command.env_remove("RUSTC").env_remove("RUSTFLAGS").env_remove("ONCEGATE_BIN");
        command.output().unwrap()
    }

    fn ok(&self, folder: &str, script: &str) -> String {
        let output = self.sh(folder, script);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }
}

const ORDERS: &str = r#"{"id":"m1","topic":"orders","payload":{"order_id":"o-1","item":"lamp"}}
{"id":"m2","topic":"orders","payload":{"order_id":"o-2","item":"chair \u00e9"}}
{"id":"m3","topic":"orders","payload":{"order_id":"o-1","item":"lamp"}}
{"id":"m4","topic":"orders","payload":"no order"}
"#;

/// Languages whose components hold an interpreter's memory as it was when they were built, with a hash seed and the time.
const SNAPSHOTS: [&str; 3] = ["js", "ts", "python"];

/// Written, tested, built and run.
fn a_project_works(lang: &str, programs: &[&str], test: &str) {
    if !language::are_there(programs) {
        return;
    }
    let desk = Desk::new();
    let said = desk.ok(".", &format!("oncegate new --lang {lang} first-steps"));
    assert!(said.contains(test), "{said}");
    desk.ok("first-steps", test);
    let built = desk.ok("first-steps", "oncegate build");
    assert!(built.starts_with("build/first-steps.wasm ("), "{built}");
    let tested = desk.ok("first-steps", "oncegate test . --input cases.ndjson");
    assert!(
        tested.contains("4 messages, 10 deliveries, 6 crashes: 2 outputs and 2 commits applied, each once"),
        "{tested}"
    );
    std::fs::write(desk.path("first-steps/in.ndjson"), ORDERS).unwrap();
    let run = "oncegate run --json --plugin build/first-steps.wasm --input in.ndjson --output out.ndjson --topics parcels";
    let summary: Value = serde_json::from_str(&desk.ok("first-steps", run)).unwrap();
    assert_eq!(summary["ends"]["applied"], 2, "{summary}");
    assert_eq!(summary["ends"]["rejected"], 1, "{summary}");
    let out = std::fs::read_to_string(desk.path("first-steps/out.ndjson")).unwrap();
    let parcels: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut items: Vec<&Value> = parcels.iter().map(|parcel| &parcel["payload"]).collect();
    items.sort_by_key(|item| item.to_string());
    assert_eq!(items, ["\"chair \u{e9}\"", "\"lamp\""], "{out}");
    // A second build of the same source makes the same bytes, from another folder, too, where the toolchain can.
    let first = std::fs::read(desk.path("first-steps/build/first-steps.wasm")).unwrap();
    std::fs::rename(desk.path("first-steps"), desk.path("moved")).unwrap();
    if !SNAPSHOTS.contains(&lang) {
        desk.ok("moved", "rm -rf build target && oncegate build");
        assert!(
            std::fs::read(desk.path("moved/build/first-steps.wasm")).unwrap() == first,
            "other bytes from the same source"
        );
    }
}

#[test]
fn a_project_in_rust_works() {
    a_project_works("rust", &["cargo", "rustc"], "cargo test");
}

#[test]
fn a_project_in_go_works() {
    a_project_works("go", &["go"], "go test ./...");
}

#[test]
fn a_project_in_javascript_works() {
    a_project_works("js", &["node", "npm"], "npm install && npm test");
}

#[test]
fn a_project_in_typescript_works() {
    a_project_works("ts", &["node", "npm"], "npm install && npm test");
}

#[test]
fn a_project_in_python_works() {
    a_project_works(
        "python",
        &["python3"],
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    );
}

#[test]
fn a_project_in_c_works() {
    a_project_works("c", &["make", "cc"], "make test");
}

#[test]
fn component_text_and_core_modules_need_no_toolchain_at_all() {
    let desk = Desk::new();
    let text = include_str!("../../guest-sdk/wat/handler.wat");
    std::fs::write(desk.path("handler.wat"), text).unwrap();
    assert!(desk.ok(".", "PATH=/nowhere; ./oncegate build handler.wat").starts_with("handler.wasm ("));
    std::fs::write(desk.path("in.ndjson"), "{\"id\":\"m1\",\"topic\":\"t\",\"payload\":\"k\"}\n").unwrap();
    let run = "oncegate run --json --plugin handler.wasm --input in.ndjson --output out.ndjson --topics '*'";
    let summary: Value = serde_json::from_str(&desk.ok(".", run)).unwrap();
    assert_eq!(summary["ends"]["applied"], 1, "{summary}");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_exit_code() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("go")).unwrap();
    std::fs::write(desk.path("go/go.mod"), "module x\n").unwrap();
    std::fs::write(desk.path("go/broken.go"), "package main\nfunc main() { missing() }\n").unwrap();
    std::fs::create_dir(desk.path("taken")).unwrap();
    std::fs::write(desk.path("taken/file"), "").unwrap();
    let cases = [
        ("oncegate new --lang cobol x", 2, "invalid value 'cobol'"),
        ("oncegate new --lang go Upper", 2, "cannot be a project's name"),
        ("oncegate new --lang go taken", 2, "choose another name"),
        ("oncegate build", 2, "`oncegate new` writes one"),
        ("oncegate build nowhere", 2, "there is no such folder or file"),
        ("PATH=/nowhere; ./oncegate build go", 10, "go is missing, which Go needs: install Go"),
    ];
    for (script, code, says) in cases {
        let output = desk.sh(".", script);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{script}: {said}");
        assert!(said.contains(says), "{script}: {said}");
    }
    if language::are_there(&["go"]) {
        let output = desk.sh(".", "oncegate build go");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(10), "{said}");
        assert!(said.contains("undefined: missing") && said.contains("oncegate: `go build"), "{said}");
    }
}
