//! Everything that can be set: one table, from which the command line, the configuration file, their help and
//! their errors are made.

mod load;
mod value;

pub use load::{Origin, Settings};
pub use value::{Kind, Value, about, bytes_text, duration_text};

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the configuration file, with its tables: `policy.lease`.
    pub path: &'static str,
    /// Its flag, if it has one, without dashes.
    pub flag: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// What it is if nobody sets it; none if it then is absent.
    pub default: Option<&'static str>,
    /// One sentence or two.
    pub help: &'static str,
}

const fn setting(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { path, flag: None, kind, default, help }
}

const fn flag(
    path: &'static str,
    flag: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { path, flag: Some(flag), kind, default, help }
}

/// The table of free names that a handler reads with `config.get`.
pub const PLUGIN_CONFIG: &str = "plugin.config";

/// The settings, in the order in which `check` shows them.
pub static SETTINGS: &[Setting] = &[
    flag(
        "plugin.path",
        "plugin",
        Kind::Path,
        None,
        "The handler: a WebAssembly component of the world oncegate:plugin/handler@0.1.0",
    ),
    flag(
        "input.path",
        "input",
        Kind::Path,
        None,
        "Where messages come from: an NDJSON file, or - for standard input",
    ),
    flag(
        "input.format",
        "input-format",
        Kind::Choice(&["auto", "envelope", "raw"]),
        Some("auto"),
        "What a line is: an envelope, the payload itself, or (auto) an envelope where it has an envelope's members",
    ),
    setting(
        "input.line_limit",
        Kind::Bytes,
        Some("1MiB"),
        "The longest line; a longer one goes to the dead letters without its bytes",
    ),
    flag(
        "output.path",
        "output",
        Kind::Path,
        None,
        "Where outputs go: an NDJSON file that is appended to, or - for standard output",
    ),
    setting("output.topics", Kind::List, None, "The topics that the handler may emit to. Default: any"),
    flag(
        "dead_letters.path",
        "dead-letters",
        Kind::Path,
        None,
        "Where dead letters go: an NDJSON file. Default: OUTPUT.dead.ndjson; required where the output is -",
    ),
    flag(
        "dead_letters.fail",
        "fail-on-dead-letter",
        Kind::Flag,
        Some("false"),
        "End with exit code 6 if this run wrote a dead letter",
    ),
    flag(
        "store.url",
        "store",
        Kind::Text,
        None,
        "Where claims and commits live: file:PATH, memory:, redis://HOST[:PORT][/DB] or rediss://. The password comes from ONCEGATE_REDIS_PASSWORD. Default: file:NAMESPACE.gate",
    ),
    setting(
        "store.ca_file",
        Kind::Path,
        None,
        "The certificates (PEM) that rediss:// trusts. Default: the system's",
    ),
    flag(
        "policy.namespace",
        "namespace",
        Kind::Text,
        None,
        "The prefix of the handler's keys. Default: the plugin's file name without its ending",
    ),
    flag("policy.window", "window", Kind::Duration, Some("7d"), "How long a commit is remembered"),
    flag("policy.lease", "lease", Kind::Duration, Some("60s"), "How long a claim holds"),
    setting("policy.margin", Kind::Duration, Some("5s"), "How long before its lease ends an attempt stops"),
    flag(
        "policy.handler_limit",
        "handler-limit",
        Kind::Duration,
        Some("30s"),
        "How long a handler may run; lower than lease less margin",
    ),
    setting(
        "policy.keep",
        Kind::Duration,
        None,
        "How long attempts are remembered after a lease. Default: the window",
    ),
    setting(
        "policy.in_flight_wait",
        Kind::Duration,
        Some("2s"),
        "How long a handler may wait for a key that is in flight elsewhere",
    ),
    flag(
        "policy.attempts",
        "attempts",
        Kind::Count,
        Some("5"),
        "How often a handler may fail over a key before it is dead",
    ),
    setting(
        "policy.host_deaths",
        Kind::Count,
        Some("20"),
        "How many hosts may die over a key before its delivery runs alone",
    ),
    setting(
        "policy.backoff_min",
        Kind::Duration,
        Some("100ms"),
        "The pause before a failed delivery is made again, doubled each time; the actual one is random below it",
    ),
    setting("policy.backoff_max", Kind::Duration, Some("30s"), "The longest such pause"),
    flag(
        "policy.outputs",
        "outputs",
        Kind::Choice(&["gated", "free"]),
        Some("gated"),
        "Whether an output needs the commit of its key (gated), or is applied and counted without (free)",
    ),
    flag(
        "policy.fingerprint",
        "fingerprint",
        Kind::Text,
        Some("payload"),
        "What tells one event from another of the same key: payload, header:NAME, json:/POINTER or off",
    ),
    setting(
        "l1.bytes",
        Kind::Bytes,
        Some("64MiB"),
        "How much memory the cache of committed keys may use; 0 for none",
    ),
    setting(
        "l1.staleness",
        Kind::Duration,
        Some("10m"),
        "How long the cache may overlook that a key was forgotten",
    ),
    flag("limits.memory", "memory", Kind::Bytes, Some("64MiB"), "Memory of one handler instance"),
    setting("limits.cpu", Kind::Duration, Some("10s"), "CPU time of one invocation; waiting is not counted"),
    setting("limits.host_calls", Kind::Count, Some("10000"), "Host calls of one invocation"),
    setting(
        "limits.host_call_data",
        Kind::Bytes,
        Some("4MiB"),
        "Bytes that one invocation may hand to the host",
    ),
    setting("limits.keys", Kind::Count, Some("64"), "Keys that one delivery may name"),
    setting("limits.key_bytes", Kind::Bytes, Some("1KiB"), "Length of a key"),
    setting("limits.receipt_bytes", Kind::Bytes, Some("64KiB"), "Length of a receipt"),
    setting("limits.outputs", Kind::Count, Some("1000"), "Outputs of one invocation"),
    setting("limits.output_bytes", Kind::Bytes, Some("1MiB"), "Bytes of all outputs of one invocation"),
    setting(
        "limits.log_bytes",
        Kind::Bytes,
        Some("16KiB"),
        "Log bytes of one invocation; what is beyond is dropped and counted",
    ),
    setting("limits.component_bytes", Kind::Bytes, Some("32MiB"), "Size of the plugin's file"),
    setting(
        "limits.waiting",
        Kind::Count,
        Some("10000"),
        "Deliveries that may wait for a retry before reading stops",
    ),
    setting(
        "limits.waiting_bytes",
        Kind::Bytes,
        Some("64MiB"),
        "Bytes of the deliveries that may wait for a retry before reading stops",
    ),
    setting("run.threads", Kind::Count, None, "Threads that run handlers. Default: one for each processor"),
    setting("run.concurrency", Kind::Count, Some("64"), "Handlers that may be under way at once"),
    flag(
        "run.reuse",
        "reuse",
        Kind::Flag,
        Some("false"),
        "Keep instances for further messages rather than begin each with a fresh one",
    ),
    setting("run.reuse_calls", Kind::Count, Some("10000"), "Calls after which a kept instance is replaced"),
    setting(
        "run.reuse_memory",
        Kind::Bytes,
        Some("16MiB"),
        "Memory beyond which a kept instance is replaced",
    ),
    setting(
        "run.log_level",
        Kind::Choice(&["off", "error", "warn", "info", "debug", "trace"]),
        Some("info"),
        "Which of the handler's log lines are shown",
    ),
];

/// The page that lists them all.
pub fn page() -> String {
    let mut page = "# Settings\n\nEvery setting, made from the table in `host/oncegate/src/settings.rs`. In a configuration file \
                    (TOML), the part\nbefore the dot is the table. Flags lie over the file. Relative file names in the file \
                    start from its folder.\n\n| setting | flag | default | takes | what it is |\n|---|---|---|---|---|\n"
        .to_owned();
    for Setting { path, flag, kind, default, help } in SETTINGS {
        let flag = flag.map_or(String::new(), |flag| format!("`--{flag}`"));
        let default = default.map_or(String::new(), |default| format!("`{default}`"));
        page.push_str(&format!("| `{path}` | {flag} | {default} | {} | {help} |\n", kind.allowed()));
    }
    page.push_str(
        "| `plugin.config.NAME` | | | a text | What the handler reads with `config.get`; never shown |\n",
    );
    page
}

/// The setting of that name.
pub fn find(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_settings_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
        if std::env::var_os("ONCEGATE_WRITE_DOCS").is_some() {
            std::fs::write(path, super::page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap();
        assert!(
            found == super::page(),
            "run the tests once with ONCEGATE_WRITE_DOCS=1 to write docs/settings.md"
        );
    }
}
