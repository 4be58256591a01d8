//! Everything that can be set: one table, from which the command line, the configuration file, their help and
//! their errors are made.

mod document;
mod load;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use load::{Origin, Settings};
pub use table::SETTINGS;
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
    /// No two pipelines can have the same value of it, so that its flag makes sense for one pipeline only.
    pub alone: bool,
}

/// The table of free names that a handler reads with `config.get`.
pub const PLUGIN_CONFIG: &str = "plugin.config";

/// How many handlers all pipelines together may have under way.
pub const HANDLERS: &str = "host.handlers";

/// What the settings begin with that are of the whole process.
pub const HOST: &str = "host.";

/// The table of topics and the streams that they go to.
pub const OUTPUT_STREAMS: &str = "output.streams";

/// The tables whose names are free, what stands for a name, and what its text is.
pub static FREE_TABLES: [(&str, &str, &str); 2] = [
    (PLUGIN_CONFIG, "NAME", "What the handler reads with `config.get`; never shown"),
    (
        OUTPUT_STREAMS,
        "TOPIC",
        "The stream that outputs of this topic go to, on the server that output.path names. Other topics the handler may not emit to",
    ),
];

/// The array of tables that makes one process run several pipelines.
pub const PIPELINE: &str = "pipeline";

const HEAD: &str = "# Settings

Every setting, made from the table in `host/oncegate/src/settings/table.rs`. In a configuration file (TOML), the part
before the last dot is the table. Flags lie over the file. Relative file names in the file start from its folder.

| setting | flag | default | takes | what it is |
|---|---|---|---|---|
";

const PIPELINES: &str = "
## Several pipelines in one process

Each `[[pipeline]]` of a file is a pipeline of its own. It has a `name` (its namespace, too, unless it sets another) and
any of the tables above; what it does not set is as the top level says. Without `[[pipeline]]` the top level is the one
pipeline.

```toml
[store]
url = \"redis://cache.internal\"

[policy]
window = \"2d\"

[[pipeline]]
name = \"payments\"
[pipeline.plugin]
path = \"payment.wasm\"
[pipeline.input]
path = \"redis-stream://cache.internal/payments?group=billing&start=0\"
[pipeline.output]
path = \"redis-stream://cache.internal/bookings\"

[[pipeline]]
name = \"refunds\"
[pipeline.plugin]
path = \"refund.wasm\"
[pipeline.input]
path = \"refunds.ndjson\"
[pipeline.output]
path = \"bookings.ndjson\"
[pipeline.policy]
window = \"30d\"
```

A flag lies over every pipeline. Input, output, dead letters and namespace are each pipeline's own: with several
pipelines their flags are refused, and so is `--plugin` where the pipelines have different ones. A failure in one
pipeline ends all of them in good order, and its exit code is that of the process. A quarantine ends its own pipeline alone.
";

/// The page that lists them all.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for Setting { path, flag, kind, default, help, .. } in SETTINGS {
        let flag = flag.map_or(String::new(), |flag| format!("`--{flag}`"));
        let default = default.map_or(String::new(), |default| format!("`{default}`"));
        page.push_str(&format!("| `{path}` | {flag} | {default} | {} | {help} |\n", kind.allowed()));
    }
    for (table, name, help) in FREE_TABLES {
        page.push_str(&format!("| `{table}.{name}` | | | a text | {help} |\n"));
    }
    page.push_str(PIPELINES);
    page
}

/// The setting of that name.
pub fn find(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path)
}
