//! Configuration files, with secrets in them.

use std::path::Path;

use oncegate::config::Config;
use oncegate::fuzzing;
use oncegate::settings::Settings;
use toml::{Table, Value};

use crate::clean;

/// What must not be shown wherever a handler's value or a password stands.
const SECRET: &str = "hunter2secret";

pub const WORDS: &[&[u8]] = &[
    b"hunter2secret",
    b"[plugin.config]\n",
    b"[[pipeline]]\n",
    b"[pipeline.plugin.config]\n",
    b"[policy]\n",
    b"[store]\n",
    b"url = ",
    b"path = ",
    b"name = ",
    b" = \"",
    b"\"\"\"",
    b"'''",
    b"= 1\n",
    b"redis://u:hunter2secret@h",
    b"redis-stream://h/s?group=g&start=0",
    b"\\u001b",
    b"\\u202e",
    b"= true\n",
    b"= []\n",
    b"lease = ",
    b"\"30s\"",
    b"\"64KiB\"",
    b"plugin.config.token = ",
    b"#",
    b".",
];

const ONE: &str = r#"
[plugin]
path = "p.wasm"
[plugin.config]
token = "hunter2secret"
region = "eu"
[input]
path = "in.ndjson"
[output]
path = "out.ndjson"
topics = ["a", "b"]
[store]
url = "redis://u:hunter2secret@h/1"
hash_tag = "t"
[policy]
lease = "60s"
window = "7d"
[limits]
memory = "32MiB"
"#;

const TWO: &str = r#"
[store]
url = "rediss://:hunter2secret@cache"
[[pipeline]]
name = "a"
plugin.path = "a.wasm"
plugin.config.token = "hunter2secret"
input.path = "redis-stream://u:hunter2secret@h/s?group=g&start=0"
output.path = "redis-stream://:hunter2secret@h"
dead_letters.path = "redis-stream://h/dead"
[pipeline.output.streams]
orders = "o"
[[pipeline]]
name = "b"
[pipeline.plugin]
path = "b.wasm"
config = { token = "hunter2secret" }
[pipeline.input]
path = "-"
[pipeline.output]
path = "-"
"#;

pub fn seeds() -> Vec<Vec<u8>> {
    let wrong = [
        "[plugin.config]\ntoken = \"hunter2secret",
        "[plugin.config]\ntoken = hunter2secret\n",
        "[plugin.config]\ntoken = [\"hunter2secret\"]\n",
        "[plugin.config]\ntoken = \"hunter2secret\"\ntoken = \"hunter2secret\"\n",
        "[plugin]\nconfig = \"hunter2secret\"\n",
        "[store]\nurl = \"redis://h?password=hunter2secret\"\n",
    ];
    [ONE, TWO].into_iter().chain(wrong).map(|text| text.as_bytes().to_vec()).collect()
}

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut settings = Settings::defaults();
    let hidden = is_hidden(text);
    let silent = |said: &str| assert!(!hidden || !said.contains(SECRET), "{said}");
    let refused = |error: anyhow::Error| {
        let line = fuzzing::error_line(error);
        clean::line(&line, 6 * (16 << 10) + 3);
        silent(&line);
    };
    if let Err(error) = settings.lay(Path::new("oncegate.toml"), text) {
        return refused(error);
    }
    for pipeline in settings.pipelines() {
        let page = fuzzing::effective(pipeline);
        clean::page(&page, 1 << 20);
        silent(&page);
    }
    match Config::all(&mut settings) {
        Ok(configs) => {
            assert_eq!(configs.len(), settings.pipelines().len());
            for config in &configs {
                clean::line(&config.name, 64 + 20);
                let (window, lease) = (config.policy.window_ms, config.policy.lease_ms);
                assert!(window > 0 && lease > 0, "a policy of nothing: {window} {lease}");
                config.policy.validate().expect("it was taken");
                config.rules.limits.validate().expect("they were taken");
            }
        }
        Err(error) => refused(error),
    }
    for pipeline in settings.pipelines() {
        silent(&fuzzing::effective(pipeline));
    }
}

/// Whether the secret stands only where secrets stand: in a handler's values, in a URL before its @ or behind its ?, or
/// anywhere in what is no TOML.
fn is_hidden(text: &str) -> bool {
    match text.parse::<Table>() {
        Ok(table) => table.iter().all(|(name, value)| !name.contains(SECRET) && hides(name, value)),
        Err(_) => true,
    }
}

fn hides(path: &str, value: &Value) -> bool {
    let is_handlers = path == "plugin.config" || path == "pipeline.plugin.config";
    match value {
        Value::Table(table) => table.iter().all(|(name, value)| {
            !name.contains(SECRET)
                && ((is_handlers && value.is_str()) || hides(&format!("{path}.{name}"), value))
        }),
        Value::Array(items) => items.iter().all(|item| hides(path, item)),
        Value::String(text) => {
            let from = text.find("://").map_or(0, |at| at + 3);
            let place =
                path.ends_with("store.url") || (path.ends_with(".path") && !path.ends_with("plugin.path"));
            // Where a URL ends inside of a line can only be guessed if there are blanks in it.
            let url = place && from > 0 && !text.contains([' ', '\t', '\n', '\r', '"', '\'', '`']);
            let end = match text.rfind('@').filter(|&at| url && at > from) {
                Some(at) => at,
                None => from.min(text.len()),
            };
            !text.get(..from).unwrap_or_default().contains(SECRET)
                && !text.get(end..).unwrap_or_default().contains(SECRET)
        }
        _ => true,
    }
}
