//! What a compile child may do to its host: cost it a bounded time, and be refused in one line.

#![cfg(test)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use oncegate_sandbox::{CompileLimits, Compiler, Component, Engine, Limits, Program};

/// An answer that is told to have so many bytes, of this kind.
fn announced(kind: &str, length: &str) -> String {
    format!("printf 'ogsay\\000\\000\\001\\{kind}{length}'")
}

/// What loading comes to with a child that does this instead of compiling.
fn refusal_of(script: &str, limits: CompileLimits) -> String {
    let program = Program::open("/bin/sh".as_ref(), &["-c", script]).unwrap();
    let engine = Engine::with_compiler(1, Compiler::in_child(program, limits)).unwrap();
    // More than a pipe holds: a child that does not read it must not hold up anything.
    let mut bytes = fixture("honest");
    let custom = vec![0u8; 1 << 20];
    bytes.extend([0, 0x84, 0x80, 0x40, 3, b'a', b'b', b'c']);
    bytes.extend(custom);
    let started = Instant::now();
    let error = Component::load(&engine, &bytes, &Limits::default()).unwrap_err().to_string();
    assert!(started.elapsed() < Duration::from_secs(30), "{script}: {:?}", started.elapsed());
    assert!(!error.contains('\n') && error.len() < 400, "{error}");
    error
}

fn refusal(script: &str) -> String {
    refusal_of(script, CompileLimits { memory_bytes: 64 << 20, wall_ms: 1_000, ..CompileLimits::default() })
}

#[test]
fn a_child_that_does_not_end_is_ended_with_all_that_it_began() {
    let late = "compiling it took more than 1 s; compile.time allows more";
    assert_eq!(refusal("sleep 98765.25"), late);
    assert_eq!(refusal("sleep 98765.25 & wait"), late);
    assert_eq!(refusal("sleep 98765.25 & exit 0"), "compiling it ended the compiler: exit status: 0");
    assert_eq!(refusal("exec >&- 2>&-; sleep 98765.25"), late);
    assert_eq!(refusal("while :; do echo long >&2; done"), late);
    assert_eq!(refusal("trap '' TERM INT; cat; sleep 98765.25"), late);
    let begun = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        line.windows(8).any(|part| part == b"98765.25").then_some(line)
    });
    assert_eq!(begun.count(), 0, "nothing that was begun is left");
}

#[test]
fn cpu_time_is_limited_by_itself() {
    let limits = CompileLimits { cpu_s: 1, ..CompileLimits::default() };
    assert_eq!(
        refusal_of("while :; do :; done", limits),
        "compiling it took more than 1 s of CPU time; compile.cpu allows more"
    );
}

#[test]
fn a_child_that_dies_is_named_by_its_death_and_its_last_words() {
    let died = |how: &str| format!("compiling it ended the compiler: {how}");
    assert_eq!(refusal("kill -SEGV $$"), died("signal: 11 (SIGSEGV)"));
    assert_eq!(
        refusal("echo first >&2; printf 'last \\033[31m' >&2; exit 101"),
        died("exit status: 101: last \\u{1b}[31m")
    );
    assert_eq!(
        refusal("echo 'memory allocation of 12345 bytes failed' >&2; kill -ABRT $$"),
        "compiling it needed more than 64 MiB of memory; compile.memory allows more"
    );
}

#[test]
fn an_answer_is_bounded_and_believed_in_nothing() {
    assert!(
        refusal("cat /dev/zero").starts_with("compiling it ended the compiler: "),
        "no answer, and endless"
    );
    let endless =
        |kind: &str, length: &str| refusal(&format!("{}; exec cat /dev/zero", announced(kind, length)));
    assert_eq!(
        endless("000", "\\377\\377\\377\\377\\377\\377\\377\\177"),
        "it became more than 16 MiB of machine code, a quarter of what compile.memory allows"
    );
    let eight = "\\010\\000\\000\\000\\000\\000\\000\\000";
    let many = "\\000\\001\\000\\000\\000\\000\\000\\000";
    assert_eq!(endless("000", eight), "compiling it ended the compiler: its code is cut off");
    assert!(
        endless("000", many).starts_with("compiling it ended the compiler: its code is refused: "),
        "what is no machine code"
    );
    let zeros = "\\u{0}".repeat(8);
    assert_eq!(endless("001", eight), format!("it is not a valid component: {zeros}"));
    assert_eq!(endless("003", eight), format!("the compiler cannot be started: {zeros}"));
    assert!(endless("011", eight).starts_with("compiling it ended the compiler: "), "an answer of no kind");
    let short = refusal(&format!("{}; printf abc; exit 0", announced("000", eight)));
    assert_eq!(short, "compiling it ended the compiler: exit status: 0");
}

#[test]
fn a_child_begins_in_the_root_folder_without_an_environment() {
    let said = refusal("pwd >&2; exit 7");
    assert_eq!(said, "compiling it ended the compiler: exit status: 7: /");
    let said = refusal("tr '\\000' ' ' </proc/$$/environ >&2; echo . >&2; exit 7");
    assert_eq!(said, "compiling it ended the compiler: exit status: 7: .");
}

#[test]
fn without_a_program_there_is_one_line_too() {
    let program = Program::open("/etc/hostname".as_ref(), &[]).unwrap();
    let engine = Engine::with_compiler(1, Compiler::in_child(program, CompileLimits::default())).unwrap();
    let error = Component::load(&engine, &fixture("honest"), &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the compiler cannot be started: Exec format error (os error 8)");
}
