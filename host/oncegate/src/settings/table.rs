//! The table of settings: a row for each.

use super::{Kind, Setting};

const fn setting(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { path, flag: None, kind, default, help, alone: false }
}

const fn flag(
    path: &'static str,
    flag: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { path, flag: Some(flag), kind, default, help, alone: false }
}

/// A flag of something that each pipeline has for itself.
const fn own(path: &'static str, flag: &'static str, kind: Kind, help: &'static str) -> Setting {
    Setting { path, flag: Some(flag), kind, default: None, help, alone: true }
}

/// The settings, in the order in which `check` shows them.
pub static SETTINGS: &[Setting] = &[
    flag(
        "plugin.path",
        "plugin",
        Kind::Path,
        None,
        "The handler: a WebAssembly component of the world oncegate:plugin/handler@0.1.0",
    ),
    setting(
        "plugin.sha256",
        Kind::Text,
        None,
        "The plugin's digest, as inspect shows it: any other file is refused, and none takes over by itself",
    ),
    setting(
        "plugin.public_key",
        Kind::Text,
        None,
        "The minisign public key that the plugin has to be signed with",
    ),
    setting(
        "plugin.signature",
        Kind::Path,
        None,
        "The signature's file. Default: the plugin's path with .minisig behind it",
    ),
    setting(
        "plugin.watch",
        Kind::Flag,
        Some("true"),
        "Whether a plugin's file that has changed takes over by itself once it is the same for a second. SIGHUP asks for a look at any time",
    ),
    own(
        "input.path",
        "input",
        Kind::Place,
        "Where messages come from: an NDJSON file, - for standard input, or redis-stream://HOST[:PORT]/STREAM?group=GROUP&start=0 (or start=$ for what arrives from now on). TLS: rediss-stream://. The password comes from ONCEGATE_REDIS_PASSWORD",
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
    setting(
        "input.take_over",
        Kind::Duration,
        None,
        "How long an entry of a stream may lie untouched with a host before another one takes it over; at least lease plus margin. Default: lease plus twice the margin",
    ),
    setting(
        "input.most_held",
        Kind::Count,
        Some("4096"),
        "Entries of a stream that this host holds at once, those that wait for a retry included; beyond it nothing more is read",
    ),
    setting(
        "input.exclusive",
        Kind::Flag,
        Some("false"),
        "Whether one host alone reads the stream's group, held by a lease, so that it can keep an order. The run ends if the lease could not be renewed for half of it",
    ),
    own(
        "output.path",
        "output",
        Kind::Place,
        "Where outputs go: an NDJSON file that is appended to, - for standard output, redis-stream://HOST/STREAM for all topics, or redis-stream://HOST with the table output.streams",
    ),
    flag(
        "output.topics",
        "topics",
        Kind::List,
        None,
        "The topics that the handler may emit to, or * alone for any. Default: none; with output.streams those that it names",
    ),
    setting(
        "grants.clock_step",
        Kind::Duration,
        Some("1ms"),
        "The steps in which the handler's clocks go. A coarser clock tells a hostile handler less about its neighbours",
    ),
    setting(
        "grants.clock_frozen",
        Kind::Text,
        None,
        "A time in UTC, such as 2026-01-31T12:00:00Z, at which the handler's clocks stand still; only its own sleeps move them on, for that message",
    ),
    setting(
        "grants.random_seed",
        Kind::Text,
        None,
        "Makes the handler's random numbers follow from this text and the message, so that a repeated delivery draws the same. Never shown. Default: random numbers from the system",
    ),
    own(
        "dead_letters.path",
        "dead-letters",
        Kind::Place,
        "Where dead letters go: an NDJSON file, or redis-stream://HOST/STREAM. Default: the input's stream with .dead behind its name, else OUTPUT.dead.ndjson or the output's stream with .dead; required where none of them applies",
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
    setting(
        "store.replicas",
        Kind::Count,
        Some("0"),
        "How many replicas of a Redis store must have a commit before its delivery is acknowledged",
    ),
    setting(
        "store.replica_timeout",
        Kind::Duration,
        Some("1s"),
        "How long to wait for the replicas at a time; then they are asked again, and nothing is acknowledged until then",
    ),
    setting(
        "store.hash_tag",
        Kind::Text,
        None,
        "The hash tag of all names in a Redis store, without braces: the keys then share one slot of a cluster with the streams that are named {TAG}…. It cannot be changed later",
    ),
    own(
        "policy.namespace",
        "namespace",
        Kind::Text,
        "The prefix of the handler's keys. Default: the pipeline's name, or the plugin's file name without its ending",
    ),
    setting(
        "policy.share_namespace",
        Kind::Flag,
        Some("false"),
        "Whether other pipelines of this configuration may use the same namespace on the same store, so that one event that reaches several of them has one effect. All of them must say so",
    ),
    setting(
        "policy.scope",
        Kind::Choice(&["group", "host"]),
        Some("group"),
        "Who handles a message: one host of the group, or every host once (host). With host, policy.host_id is added to the names of the group and the namespace: GROUP.HOSTID, NAMESPACE.HOSTID",
    ),
    flag(
        "policy.host_id",
        "host-id",
        Kind::Text,
        None,
        "This host's name under scope host: of its own, and the same after every restart",
    ),
    flag(
        "policy.order",
        "order",
        Kind::Choice(&["none", "key", "partition"]),
        Some("none"),
        "Which messages are handled one after the other: none, those of one message key, or all of them (partition). From a stream only with input.exclusive",
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
        "How long attempts are remembered after a lease; at least twice the longest pause between two deliveries. Default: the window, or that if it is longer",
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
    flag(
        "policy.outage",
        "outage",
        Kind::Choice(&["closed", "open"]),
        Some("closed"),
        "What happens while the store cannot be asked: nothing is handled and nothing lost (closed), or messages are handled and counted without de-duplication (open)",
    ),
    flag(
        "policy.shadow",
        "shadow",
        Kind::Flag,
        Some("false"),
        "Report what would have been dropped and drop nothing. Keys are claimed in a namespace of their own",
    ),
    setting(
        "quarantine.percent",
        Kind::Count,
        Some("50"),
        "The share of messages, in percent, on which a handler may trap, meet a limit, reject or have an effect without commit before it takes none for a while; 0 for no quarantine. Duplicates do not count",
    ),
    setting("quarantine.window", Kind::Count, Some("200"), "Of how many messages, the last ones"),
    setting("quarantine.least", Kind::Count, Some("20"), "Of how many messages at least"),
    setting(
        "quarantine.pause_min",
        Kind::Duration,
        Some("1s"),
        "How long a quarantined handler takes no message; then one is tried. Doubled each time that this fails",
    ),
    setting("quarantine.pause_max", Kind::Duration, Some("5m"), "The longest such pause"),
    setting(
        "quarantine.probes",
        Kind::Count,
        Some("3"),
        "After how many such tries in a row the run of an input that ends is given up, with exit code 8. That of a stream goes on",
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
