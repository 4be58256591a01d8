//! Text from guests, messages, records and servers reaches no terminal raw, and not at any length: a test for each outlet.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use oncegate_tests::{Bench, Ended, oncegate, plugin};
use serde_json::{Value, json};

/// Clears the screen, sets a title, forges a line, and orders, hides and tags what follows.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;t\u{7}\r\noncegate: forged\u{202e}\u{2066}\u{2028}\u{200b}\u{9b}31m\u{7f}\u{feff}\u{e0041}\\end";

/// The same, and a megabyte behind it.
fn long() -> String {
    format!("{HOSTILE}{}", "x".repeat(1 << 20))
}

/// No terminal is moved by it, no line of it is forged, and it is no longer than that.
#[track_caller]
fn assert_clean(text: &str, most_bytes: usize) {
    let hidden = |c: char| {
        let code = c as u32;
        (code < 0x20 && c != '\n')
            || (0x7f..=0x9f).contains(&code)
            || (0x200b..=0x200f).contains(&code)
            || (0x2028..=0x202e).contains(&code)
            || (0x2060..=0x206f).contains(&code)
            || code == 0xfeff
            || (0xe_0000..=0xe_0fff).contains(&code)
    };
    let found: Vec<char> = text.chars().filter(|&c| hidden(c)).collect();
    assert!(found.is_empty(), "{found:?} in {text:.2000}");
    assert!(!text.lines().any(|line| line.starts_with("oncegate: forged")), "a forged line: {text:.2000}");
    assert!(text.len() <= most_bytes, "{} bytes: {text:.200}", text.len());
}

/// What a command says, which is clean, and shows the hostile text escaped.
fn said(bench: &Bench, arguments: &[&str], most_bytes: usize) -> Ended {
    let ended = call(bench, arguments);
    assert_clean(&ended.stdout, most_bytes);
    assert_clean(&ended.stderr, most_bytes);
    ended
}

fn call(bench: &Bench, arguments: &[&str]) -> Ended {
    Ended::new(oncegate().current_dir(bench.path(".")).args(arguments).output().unwrap())
}

/// An envelope with hostile names all over, and these steps.
fn message(id: &str, steps: &Value) -> String {
    let message = json!({
        "id": id, "topic": HOSTILE, "key": HOSTILE, "headers": {HOSTILE: HOSTILE}, "payload": {"steps": steps},
    });
    format!("{message}\n")
}

/// Runs the probe over these lines.
fn run(bench: &Bench, lines: &str) -> Ended {
    bench.write("in.ndjson", lines);
    let config = "[run]\nlog_level = \"trace\"\n[policy]\nattempts = 1\n";
    bench.write("oncegate.toml", config);
    bench.run("probe").args(&["--config", "oncegate.toml"]).ok()
}

const STORE: [&str; 4] = ["--store", "file:gate.db", "--namespace", "probe"];

#[test]
fn log_lines_on_standard_error() {
    let bench = Bench::default();
    let steps = json!([{"log": HOSTILE}, {"log": long()}, {"seen": "k"}, {"commit": "k"}]);
    let line = message(&long().replace('x', "i"), &steps);
    let config = "[run]\nlog_level = \"trace\"\n[input]\nline_limit = \"8MiB\"\n";
    bench.write("in.ndjson", line);
    bench.write("oncegate.toml", config);
    let ended = bench.run("probe").args(&["--config", "oncegate.toml"]).ok();
    assert_clean(&ended.stderr, 10_000);
    assert_clean(&ended.stdout, 10_000);
    assert!(ended.stderr.contains("[info] \\u{1b}[2J"), "{}", ended.stderr);
    assert!(ended.complaints().len() <= 8, "{}", ended.stderr);
}

#[test]
fn reasons_and_keys_of_dead_letters_and_all_that_shows_them() {
    let bench = Bench::default();
    let malformed = format!("{{\"payload\":1,{}:2}}\n", json!(HOSTILE));
    let lines = [
        message("m0", &json!([{"seen": HOSTILE}, {"reject": HOSTILE.repeat(2000)}])),
        message("m1", &json!([{"seen": "k"}, {"log": HOSTILE}, {"panic": HOSTILE}])),
        message("m2", &json!([{"emit": [HOSTILE, "x"]}])),
        malformed,
        format!("{HOSTILE}\n").replace("\r\n", ""),
    ];
    assert_clean(&run(&bench, &lines.concat()).stderr, 20_000);
    let letters = bench.dead_letters();
    assert_eq!(letters.len(), 5);
    for letter in &letters {
        let headers = letter.0["headers"].as_object().unwrap();
        for (name, text) in headers.iter().filter(|(name, _)| name.starts_with("oncegate-")) {
            assert_clean(text.as_str().unwrap(), 6 * 2048 + 3);
            assert!(!text.as_str().unwrap().contains('\n'), "{name}");
        }
    }
    assert!(letters[0].reason().contains("\\u{1b}[2J"), "{}", letters[0].reason());
    // Names and keys are escaped in the file itself, too; a payload stands as it came.
    let file = std::fs::read_to_string(bench.path("out.ndjson.dead.ndjson")).unwrap();
    let first = file.split(",\"payload\":").next().unwrap();
    assert_clean(first, 30_000);

    let place = ["--dead-letters", "out.ndjson.dead.ndjson"];
    let list = said(&bench, &[&["dead", "list"], &place[..]].concat(), 20_000);
    assert_eq!(list.stdout.lines().count(), 5, "{}", list.stdout);
    let listed = said(&bench, &[&["dead", "list", "--json"], &place[..]].concat(), 10 << 20);
    for line in listed.stdout.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    for id in ["1", "2", "3", "4", "5"] {
        said(&bench, &[&["dead", "show", id], &place[..]].concat(), 10 * 6 * (64 << 10));
    }
    said(&bench, &[&["dead", "show", HOSTILE], &place[..]].concat(), 30_000);
    let requeue = ["dead", "requeue", "--all", "--to", "again.ndjson", "--audit", "audit"];
    said(&bench, &[&requeue[..], &place, &STORE].concat(), 100_000);
    assert_clean(&std::fs::read_to_string(bench.path("audit")).unwrap(), 100_000);
}

#[test]
fn keys_and_receipts_in_listings_and_in_the_audit() {
    let bench = Bench::default();
    let lines = [
        message("m0", &json!([{"seen": HOSTILE}, {"commit_with": [HOSTILE, HOSTILE.repeat(8)]}])),
        message("m1", &json!([{"seen": "dead"}, {"reject": HOSTILE}])),
    ];
    run(&bench, &lines.concat());
    let list = said(&bench, &[&["keys", "list"], &STORE[..]].concat(), 10_000).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    let json = said(&bench, &[&["keys", "list", "--json"], &STORE[..]].concat(), 20_000).stdout;
    let keys: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = keys.iter().filter_map(|key| key["key"].as_str()).find(|key| *key != "dead").unwrap();
    // As it is shown it can be typed.
    let get = said(&bench, &[&["keys", "get", shown], &STORE[..]].concat(), 10_000);
    assert!(get.stdout.contains("committed"), "{}{}", get.stdout, get.stderr);
    let forget = ["keys", "forget", shown, "--audit", "audit", "--by", HOSTILE];
    let forgotten = said(&bench, &[&forget[..], &STORE].concat(), 10_000);
    assert_eq!(forgotten.code, Some(0), "{}", forgotten.stderr);
    let audit = std::fs::read_to_string(bench.path("audit")).unwrap();
    assert_clean(&audit, 10_000);
    let by = |line: &str| serde_json::from_str::<Value>(line).unwrap()["by"].as_str().unwrap().to_owned();
    assert!(audit.lines().count() == 2 && audit.lines().all(|line| by(line) == HOSTILE), "{audit}");
    for key in [HOSTILE, "\\q\u{1b}[2J"] {
        said(&bench, &[&["keys", "get", key], &STORE[..]].concat(), 10_000);
    }
}

#[test]
fn names_in_a_component() {
    let bench = Bench::default();
    for name in [HOSTILE.to_owned(), HOSTILE.repeat(200)] {
        let mut length = Vec::new();
        leb128(name.len(), &mut length);
        // One type, a function of nothing, and one import of it by this name.
        let import = [&[1, 0], length.as_slice(), name.as_bytes(), &[1, 0]].concat();
        let mut component = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\x00\x01\x00\x0a".to_vec();
        leb128(import.len(), &mut component);
        component.extend(import);
        bench.write("evil.wasm", component);
        for arguments in [&["inspect", "evil.wasm"][..], &["inspect", "evil.wasm", "--json"]] {
            let ended = said(&bench, arguments, 20_000);
            assert!(format!("{}{}", ended.stdout, ended.stderr).contains("\\u{1b}"), "{}", ended.stderr);
        }
    }
}

#[test]
fn very_many_names_in_a_component() {
    let bench = Bench::default();
    let mut section = Vec::new();
    leb128(1000, &mut section);
    for number in 0..1000 {
        let name = format!("n{number}");
        section.extend([&[0, name.len() as u8], name.as_bytes(), &[1, 0]].concat());
    }
    let mut component = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\x00\x01\x00\x0a".to_vec();
    leb128(section.len(), &mut component);
    component.extend(section);
    bench.write("many.wasm", component);
    let shown = said(&bench, &["inspect", "many.wasm"], 20_000).stdout;
    assert_eq!(shown.lines().filter(|line| line.starts_with("import ")).count(), 201, "{shown}");
    assert!(shown.contains("import   and 800 more (--json names them)"), "{shown}");
    assert!(shown.contains("n99, and 900 more; a handler may import"), "{shown}");
}

fn leb128(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
}

#[test]
fn names_in_a_configuration_and_of_files() {
    let bench = Bench::default();
    let quoted = json!(long()).to_string().replace('\u{7f}', "\\u007f");
    for table in ["policy", "plugin.config", "output.streams", "nothing"] {
        bench.write("hostile.toml", format!("[{table}]\n{quoted} = 3\n"));
        let ended = said(&bench, &["check", "--config", "hostile.toml"], 10_000);
        assert_eq!((ended.code, ended.complaints().len()), (Some(2), 1), "{}", ended.stderr);
    }
    bench.write("broken.toml", format!("[policy]\nlease = {HOSTILE}\n"));
    said(&bench, &["check", "--config", "broken.toml"], 10_000);
    let name = HOSTILE.replace('/', "");
    let plugin = oncegate_tests::plugin("probe").display().to_string();
    for (plugin, input) in [(name.as_str(), "in"), (&plugin, &name)] {
        let places = ["--plugin", plugin, "--input", input, "--output", "out", "--store", "memory:"];
        let ended = said(&bench, &[&["run"], &places[..]].concat(), 10_000);
        assert_eq!(ended.complaints().len(), 1, "{}", ended.stderr);
        assert_ne!(ended.code, Some(0));
    }
    said(&bench, &["run", "--lease", HOSTILE], 10_000);
    said(&bench, &["inspect", &name], 10_000);
}

/// A server that answers everything with this error.
fn server(error: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), error) = (stream, error.clone()) else { return };
            std::thread::spawn(move || {
                let mut request = [0; 64 << 10];
                while let Ok(1..) = stream.read(&mut request) {
                    // A request may have many commands; nobody reads more answers than it wants.
                    let commands = request.iter().filter(|byte| **byte == b'*').count().clamp(1, 8);
                    if (0..commands).any(|_| stream.write_all(format!("-{error}\r\n").as_bytes()).is_err()) {
                        return;
                    }
                    request.fill(0);
                }
            });
        }
    });
    port
}

#[test]
fn what_a_server_says() {
    let bench = Bench::default();
    let words = HOSTILE.replace("\r\n", "");
    for error in [format!("ERR {words}"), format!("NOAUTH {}", long().replace("\r\n", ""))] {
        let port = server(error);
        let url = format!("redis://127.0.0.1:{port}");
        let stream = format!("redis-stream://127.0.0.1:{port}/s?group=g&start=0");
        let letters = format!("redis-stream://127.0.0.1:{port}/dead");
        for arguments in [
            &["keys", "list", "--store", &url, "--namespace", "n"][..],
            &["store", "show", "--store", &url],
            &["store", "init", "--store", &url],
            &["doctor", "--store", &url, "--source", &stream],
            &["doctor", "--json", "--store", &url],
            &["dead", "list", "--dead-letters", &letters],
        ] {
            let ended = said(&bench, arguments, 30_000);
            assert_ne!(ended.code, Some(0), "{arguments:?}");
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(
                all.contains("ERR") || all.contains("NOAUTH") || all.contains("password"),
                "{arguments:?}: {all}"
            );
        }
    }
}

#[test]
fn what_a_test_of_a_handler_shows() {
    let bench = Bench::default();
    let effect = json!([{"seen": HOSTILE}, {"log": long()}, {"emit": ["t", HOSTILE]}, {"commit_with": [HOSTILE, HOSTILE]}]);
    let many: Vec<Value> = (0..500).map(|_| json!({"log": HOSTILE.repeat(20)})).collect();
    let lines = [
        message("m0", &effect),
        message(HOSTILE, &json!([{"seen": "a"}, {"emit": [HOSTILE, "x"]}])),
        message("m2", &json!([{"seen": "b"}, {"reject": HOSTILE.repeat(2000)}])),
        message("m3", &json!([{"seen": "c"}, {"panic": HOSTILE.repeat(200)}])),
        message("m4", &json!([{"seen": "d"}, {"log": "x"}, {"repeat": [1, many]}, {"end_after": 1}, {"seen": HOSTILE}])),
        json!({"payload": effect, "expect": {"end": "retry", "reason": HOSTILE, "outputs": [{"topic": HOSTILE}], "receipt": HOSTILE}})
            .to_string(),
    ];
    bench.write("cases.ndjson", lines.concat());
    bench.write("oncegate.toml", "[run]\nlog_level = \"trace\"\n[input]\nline_limit = \"8MiB\"\n");
    let probe = plugin("probe").display().to_string();
    let arguments =
        ["test", &probe, "--input", "cases.ndjson", "--config", "oncegate.toml", "--fingerprint", "off"];
    let ended = said(&bench, &arguments, 200_000);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("\\u{1b}[2J"), "{}", ended.stdout);
    let ended = said(&bench, &[&arguments[..], &["--json"]].concat(), 2 << 20);
    assert_eq!(ended.stdout.lines().count(), 7);
    for line in ended.stdout.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    for line in [
        json!({"payload": 1, "expect": {HOSTILE: 1}}),
        json!({"payload": 1, "expect": {"end": long()}}),
        json!({HOSTILE: 1, "expect": {}}),
    ] {
        bench.write("cases.ndjson", line.to_string());
        assert_eq!(said(&bench, &arguments, 10_000).code, Some(5), "{line:.100}");
    }
}
