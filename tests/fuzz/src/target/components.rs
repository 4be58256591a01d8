//! Component text from a small grammar: each byte chooses how one part is made.

use crate::bytes::Bytes;
use crate::loader;
use crate::rng::Rng;

pub fn seeds() -> Vec<Vec<u8>> {
    let chance = |seed: u64| {
        let mut rng = Rng::new(seed);
        (0..64).map(|_| rng.byte()).collect()
    };
    // A handler that does one thing nine times and returns: emits, logs, asks, commits.
    let nine_times = |doing: &[u8]| [&HANDLER, doing, &[6, 0, 0, 0, 0]].concat();
    let calls: [&[u8]; 4] = [&[5, 0], &[6, 2], &[0], &[3]];
    std::iter::once(Vec::new()).chain(calls.map(nine_times)).chain((0..40).map(chance)).collect()
}

/// The choices that lead to a good handler with one statement, which reads the text `out`.
const HANDLER: [u8; 13] = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 0, 0];

pub fn run(input: &[u8]) {
    let text = component(&mut Bytes(input));
    let binary = wat::parse_str(&text)
        .unwrap_or_else(|error| panic!("the grammar made no component: {error}\n{text}"));
    loader::trial(&binary);
}

/// The types and functions of the contract, as every component that uses it has to write them.
const CONTRACT: &str = r#"
  (import "oncegate:plugin/types@VERSION" (instance $types
    (type $header-of (record (field "name" string) (field "value" (list u8))))
    (export "header" (type $header (eq $header-of)))
    (type $message-of (record
      (field "id" string) (field "topic" string) (field "key" (option string))
      (field "headers" (list $header)) (field "payload" (list u8))
      (field "attempt" u32) (field "published-ms" (option u64))))
    (export "message" (type $message (eq $message-of)))
    (type $failure-of (variant (case "retry" string) (case "reject" string)))
    (export "failure" (type $failure (eq $failure-of)))))
  (alias export $types "message" (type $message))
  (alias export $types "failure" (type $failure))
  (alias export $types "header" (type $header))
  (import "oncegate:plugin/dedup@VERSION" (instance $dedup
    (type $sighting-of (variant (case "new") (case "duplicate" (option (list u8))) (case "in-flight" u64)))
    (export "sighting" (type $sighting (eq $sighting-of)))
    (type $refusal-of (variant
      (case "invalid-key" string) (case "not-claimed") (case "mismatch") (case "dead" string)
      (case "too-many-keys" u32) (case "receipt-too-large" u32) (case "unavailable" string)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "seen" (func (param "key" string) (result (result $sighting (error $refusal)))))
    (export "commit" (func (param "key" string) (result (result (error $refusal)))))
    (export "commit-with" (func (param "key" string) (param "receipt" (list u8)) (result (result (error $refusal)))))))
  (import "oncegate:plugin/output@VERSION" (instance $output
    (alias outer 1 $header (type $header-of))
    (export "header" (type $header (eq $header-of)))
    (type $refusal-of (variant
      (case "topic-not-allowed") (case "invalid" string) (case "too-many" u32) (case "too-large" u32)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "emit" (func
      (param "topic" string) (param "key" (option string)) (param "headers" (list $header))
      (param "payload" (list u8)) (result (result (error $refusal)))))))
  (import "oncegate:plugin/log@VERSION" (instance $log
    (type $level-of (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level-of)))
    (export "log" (func (param "level" $level) (param "message" string)))))
  (import "oncegate:plugin/config@VERSION" (instance $config
    (export "get" (func (param "name" string) (result (option string))))))
"#;

const HANDLE: &str = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)";

fn component(bytes: &mut Bytes<'_>) -> String {
    let version = bytes.one_of(&["0.1.0", "0.1.0", "0.1.0", "0.1.0", "0.1.0", "0.1.0", "0.1.7", "0.2.0"]);
    let encoding = bytes.one_of(&["utf8", "utf8", "utf8", "utf16", "latin1+utf16"]);
    let options = format!("(memory $memory) (realloc $realloc) string-encoding={encoding}");
    let extra = extra(bytes);
    let (room, guest) = (room(bytes), guest(bytes));
    let post = if bytes.below(4) == 3 { "(post-return (core func $guest \"post\"))" } else { "" };
    let name = bytes.one_of(&["handle", "handle", "handle", "handle", "handle", "run"]);
    let lowered: String = FUNCTIONS
        .iter()
        .map(|(instance, name, _)| {
            format!("(core func ${name} (canon lower (func ${instance} \"{name}\") {options}))\n")
        })
        .collect();
    let given: String =
        FUNCTIONS.iter().map(|(_, name, _)| format!("(export \"{name}\" (func ${name}))")).collect();
    let contract = CONTRACT.replace("VERSION", version);
    format!(
        "(component {contract} {extra}
           (core module $room {room})
           (core instance $room (instantiate $room))
           (alias core export $room \"memory\" (core memory $memory))
           (alias core export $room \"realloc\" (core func $realloc))
           {lowered}
           (core module $guest {guest})
           (core instance $guest (instantiate $guest (with \"room\" (instance $room))
             (with \"host\" (instance {given}))))
           (func (export \"{name}\") (param \"message\" $message) (result (result (error $failure)))
             (canon lift (core func $guest \"handle\") {options} {post})))"
    )
}

/// The contract's functions: instance, name and core type.
const FUNCTIONS: [(&str, &str, &str); 6] = [
    ("dedup", "seen", "i32 i32 i32"),
    ("dedup", "commit", "i32 i32 i32"),
    ("dedup", "commit-with", "i32 i32 i32 i32 i32"),
    ("output", "emit", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32"),
    ("log", "log", "i32 i32 i32"),
    ("config", "get", "i32 i32 i32"),
];

/// What is there beside a handler: types, components, imports that nobody grants.
fn extra(bytes: &mut Bytes<'_>) -> String {
    let count = usize::from(bytes.byte());
    match bytes.below(12) {
        0 => {
            (0..count).map(|n| format!("(type (list (tuple u8 string (option {}))))", PLAIN[n % 4])).collect()
        }
        1 => format!("(type {}u8{})", "(list ".repeat(count % 90), ")".repeat(count % 90)),
        2 => (0..count).map(|n| format!("(component $c{n})(instance (instantiate $c{n}))")).collect(),
        3 => format!("(import \"wasi:cli/exit@0.2.{count}\" (instance))"),
        4 => (0..count).map(|n| format!("(import \"a{n}\" (func))")).collect(),
        5 => format!("{}{}", "(component ".repeat(count % 90), ")".repeat(count % 90)),
        6 => (0..count)
            .map(|n| format!("(core module $m{n} (memory 1)) (core instance (instantiate $m{n}))"))
            .collect(),
        7 => (0..count).map(|n| format!("(core module (@custom \"c{n}\" \"{}\"))", "x".repeat(n))).collect(),
        8 => "(type $r (resource (rep i32))) (core func (canon resource.new $r))".to_owned(),
        _ => String::new(),
    }
}

const PLAIN: [&str; 4] = ["u32", "char", "bool", "s64"];

/// Memory, and whoever gives it.
fn room(bytes: &mut Bytes<'_>) -> String {
    let pages = bytes.one_of(&[1, 1, 1, 2, 0, 63, 64, 65, 1000, 65536]);
    let body = bytes.one_of(&[
        // In order, growing; then constants, misaligned and beyond the end; then no answer at all.
        "(local $at i32)
         (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
           (i32.sub (i32.const 0) (local.get 2))))
         (global.set $next (i32.add (local.get $at) (local.get 3)))
         (local.get $at)",
        "(i32.const 1024)",
        "(i32.const 0)",
        "(i32.const 1)",
        "(i32.const -4)",
        "(i32.const 65530)",
        "(local.get 3)",
        "unreachable",
        "(loop br 0) unreachable",
        "(drop (memory.grow (i32.const 16))) (i32.const 2048)",
        "(call $self (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
    ]);
    format!(
        "(memory (export \"memory\") {pages}) (global $next (export \"next\") (mut i32) (i32.const 32768))
         (func $self (export \"realloc\") (param i32 i32 i32 i32) (result i32) {body})"
    )
}

fn guest(bytes: &mut Bytes<'_>) -> String {
    let imports: String = FUNCTIONS
        .iter()
        .map(|(_, name, types)| format!("(import \"host\" \"{name}\" (func ${name} (param {types})))\n"))
        .collect();
    let start = if bytes.below(6) == 5 {
        format!("(func $start {}) (start $start)", statements(bytes, 2))
    } else {
        String::new()
    };
    let data = data(bytes);
    let body = statements(bytes, 6);
    let answer = bytes.one_of(&["0", "0", "128", "-1", "65535", "7"]);
    let post = statements(bytes, 1);
    format!(
        "(import \"room\" \"memory\" (memory 0)) (import \"room\" \"next\" (global $next (mut i32))) {imports}
         (table $table 4 funcref) {data} {start}
         (func $handle (export \"handle\") {HANDLE} {body} (i32.const {answer}))
         (func (export \"post\") (param i32) {post})"
    )
}

/// What lies where calls point to: topics, keys, text that is none.
fn data(bytes: &mut Bytes<'_>) -> String {
    let text = bytes.one_of(&[
        "out",
        "k\\00\\0a",
        "\\ff\\fe\\00\\d8",
        "\\1b[2J\\e2\\80\\ae",
        "oncegate-x",
        "\\f0\\9f\\98\\80",
    ]);
    let answer = bytes.one_of(&[
        "\\00",
        "\\01\\00\\00\\00\\00\\00\\00\\00\\10\\00\\00\\00\\03\\00\\00\\00",
        "\\01\\00\\00\\00\\01",
        "\\02",
    ]);
    match bytes.below(8) {
        7 => String::new(),
        _ => format!(
            "(data (i32.const 16) \"{text}\") (data (i32.const 0) \"\\00\") (data (i32.const 128) \"{answer}\")"
        ),
    }
}

fn statements(bytes: &mut Bytes<'_>, most: usize) -> String {
    (0..bytes.below(most + 1)).map(|_| statement(bytes)).collect::<Vec<_>>().join("\n")
}

fn statement(bytes: &mut Bytes<'_>) -> String {
    let at = bytes.one_of(&[16, 16, 16, 0, 128, 65535, 1 << 20, -1]);
    let length = bytes.one_of(&[3, 3, 3, 0, 1, 200, 65536, -1]);
    let text = format!("(i32.const {at}) (i32.const {length})");
    let one = match bytes.below(16) {
        0..3 => format!("(call $seen {text} (i32.const 256))"),
        3 => format!("(call $commit {text} (i32.const 256))"),
        4 => format!("(call $commit-with (i32.const 16) (i32.const 3) {text} (i32.const 256))"),
        5 => {
            let headers = bytes.one_of(&[
                "(i32.const 0) (i32.const 0)",
                "(i32.const 16) (i32.const 70)",
                "(i32.const 0) (i32.const 9999999)",
            ]);
            format!(
                "(call $emit (i32.const 16) (i32.const 3) (i32.const 1) {text} {headers} {text} (i32.const 256))"
            )
        }
        6 => format!("(call $log (i32.const {}) {text})", bytes.below(7)),
        7 => format!("(call $get {text} (i32.const 256))"),
        8 => format!("(drop (memory.grow (i32.const {length})))"),
        9 => format!("(drop (table.grow $table (ref.null func) (i32.const {length})))"),
        10 => format!("(memory.fill {text} (i32.const {}))", bytes.byte()),
        11 => format!("(i32.store (i32.const {at}) (i32.const {}))", bytes.byte()),
        12 => "(drop (i32.div_s (i32.const 1) (i32.const 0)))".to_owned(),
        13 => "unreachable".to_owned(),
        14 => "(call_indirect $table (i32.const 1))".to_owned(),
        _ => "(loop br 0)".to_owned(),
    };
    match bytes.below(8) {
        7 => format!("(loop $again {one} br $again)"),
        // Just beyond what may be staged or logged, and not beyond what may be asked.
        6 => format!("{one} ").repeat(9),
        _ => one,
    }
}
