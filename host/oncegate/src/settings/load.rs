//! Defaults, below the configuration file, below the flags: and where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use toml::de::{DeTable, DeValue};

use super::{Kind, PLUGIN_CONFIG, SETTINGS, Setting, Value, find};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it, and it follows from other values.
    Derived,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Derived => f.write_str("derived"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// What is set, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    /// The handler's own values. They may be secrets: shown by name only.
    plugin_config: Vec<(String, String)>,
}

impl Settings {
    /// The defaults.
    pub fn defaults() -> Self {
        let mut settings = Self::default();
        for setting in SETTINGS {
            // A default that its own kind does not allow is caught by a test.
            let default = setting.default.and_then(|text| setting.kind.parse(text));
            if let Some(value) = default {
                settings.values.insert(setting.path, (value, Origin::Default));
            }
        }
        settings
    }

    /// Lays a configuration file over what is set. Relative file names in it start from its own folder.
    pub fn file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
        let document = Document { path, text: &text };
        let table = DeTable::parse(&text).map_err(|error| {
            let line = document.line(error.span().map_or(0, |span| span.start));
            anyhow!("{}:{line}: {}", path.display(), error.message().replace('\n', " "))
        })?;
        self.table(&document, "", table.get_ref())
    }

    fn table(&mut self, document: &Document<'_>, prefix: &str, table: &DeTable<'_>) -> Result<()> {
        for (name, value) in table {
            let path = format!("{prefix}{}", name.get_ref());
            let line = document.line(name.span().start);
            match (find(&path), value.get_ref()) {
                (_, DeValue::Table(inner)) if path == PLUGIN_CONFIG => {
                    self.plugin_config(document, inner)?;
                }
                (Some(setting), value) => {
                    let value = document.value(setting, value).ok_or_else(|| {
                        document.error(line, &format!("{path} takes {}", setting.kind.allowed()))
                    })?;
                    let origin = Origin::File { path: document.path.to_owned(), line };
                    self.values.insert(setting.path, (value, origin));
                }
                (None, DeValue::Table(inner)) if is_table(&path) => {
                    self.table(document, &format!("{path}."), inner)?;
                }
                (None, _) if is_table(&path) => {
                    bail!(document.error(line, &format!("{path} is a table: write [{path}]")));
                }
                (None, _) => bail!(document.error(line, &unknown(&path))),
            }
        }
        Ok(())
    }

    fn plugin_config(&mut self, document: &Document<'_>, table: &DeTable<'_>) -> Result<()> {
        for (name, value) in table {
            let DeValue::String(text) = value.get_ref() else {
                let line = document.line(name.span().start);
                let path = format!("{PLUGIN_CONFIG}.{}", name.get_ref());
                bail!(document.error(line, &format!("{path} takes a text")));
            };
            self.plugin_config.push((name.get_ref().to_string(), text.to_string()));
        }
        Ok(())
    }

    /// Lays a flag's value over what is set.
    pub fn flag(&mut self, setting: &'static Setting, text: &str) -> Result<()> {
        let flag = setting.flag.unwrap_or(setting.path);
        let value = setting
            .kind
            .parse(text)
            .ok_or_else(|| anyhow!("--{flag} takes {}, not {text:?}", setting.kind.allowed()))?;
        self.values.insert(setting.path, (value, Origin::Flag(flag)));
        Ok(())
    }

    /// Sets what follows from other values, unless somebody has set it.
    pub fn derive(&mut self, path: &'static str, value: Value) {
        self.values.entry(path).or_insert((value, Origin::Derived));
    }

    /// The value and where it came from.
    pub fn get(&self, path: &str) -> Option<&(Value, Origin)> {
        self.values.get(path)
    }

    /// The handler's own values.
    pub fn plugin_values(&self) -> &[(String, String)] {
        &self.plugin_config
    }

    /// A text, if it is set.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.get(path) {
            Some((Value::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    /// A text that has to be set.
    pub fn required(&self, path: &str) -> Result<&str> {
        self.text(path).ok_or_else(|| match find(path).and_then(|setting| setting.flag) {
            Some(flag) => anyhow!("{path} is not set: give --{flag}, or set it in the configuration"),
            None => anyhow!("{path} is not set: set it in the configuration"),
        })
    }

    /// A time in milliseconds, or a number. Zero if it is not set; settings that may be absent are texts.
    pub fn number(&self, path: &str) -> u64 {
        match self.get(path) {
            Some((Value::Ms(number) | Value::Number(number), _)) => *number,
            _ => 0,
        }
    }

    /// The same, for what is counted in 32 bits; more is taken for the most.
    pub fn count(&self, path: &str) -> u32 {
        u32::try_from(self.number(path)).unwrap_or(u32::MAX)
    }

    /// Whether it is set to true.
    pub fn is_on(&self, path: &str) -> bool {
        matches!(self.get(path), Some((Value::Flag(true), _)))
    }

    /// A list, if it is set.
    pub fn list(&self, path: &str) -> Option<&[String]> {
        match self.get(path) {
            Some((Value::List(list), _)) => Some(list),
            _ => None,
        }
    }
}

struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn error(&self, line: usize, what: &str) -> anyhow::Error {
        anyhow!("{}:{line}: {what}", self.path.display())
    }

    fn value(&self, setting: &Setting, value: &DeValue<'_>) -> Option<Value> {
        match (setting.kind, value) {
            (Kind::Path, DeValue::String(text)) => {
                setting.kind.parse(text).map(|_| Value::Text(self.beside(text)))
            }
            (Kind::Text | Kind::Duration | Kind::Bytes | Kind::Choice(_), DeValue::String(text)) => {
                match text.strip_prefix("file:").filter(|_| setting.path == "store.url") {
                    Some(path) => Some(Value::Text(format!("file:{}", self.beside(path)))),
                    None => setting.kind.parse(text),
                }
            }
            (Kind::Bytes | Kind::Count, DeValue::Integer(number)) if number.radix() == 10 => {
                setting.kind.number(number.as_str().replace('_', "").parse().ok()?)
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Kind::List, DeValue::Array(items)) => {
                let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
                texts.collect::<Option<Vec<_>>>().map(Value::List)
            }
            _ => None,
        }
    }

    fn beside(&self, file: &str) -> String {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        match file {
            "-" => file.to_owned(),
            _ => folder.join(file).display().to_string(),
        }
    }
}

fn is_table(path: &str) -> bool {
    let mut names = SETTINGS.iter().map(|setting| setting.path).chain([PLUGIN_CONFIG]);
    path == PLUGIN_CONFIG
        || names.any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(path: &str) -> String {
    let table = path.rsplit_once('.').map_or("", |(table, _)| table);
    let known: Vec<&str> = SETTINGS
        .iter()
        .filter_map(|setting| match setting.path.rsplit_once('.') {
            Some((of, name)) if of == table => Some(name),
            _ => None,
        })
        .collect();
    if known.is_empty() {
        let mut tables: Vec<_> = SETTINGS.iter().filter_map(|s| s.path.split('.').next()).collect();
        tables.dedup();
        return format!("{path} is not a setting; the tables are {}", tables.join(", "));
    }
    format!("{path} is not a setting; [{table}] has {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("oncegate.toml");
        std::fs::write(&path, text)?;
        let mut settings = Settings::defaults();
        settings.file(&path).map_err(|error| {
            let folder = format!("{}/", folder.path().display());
            anyhow!(format!("{error:#}").replace(&folder, ""))
        })?;
        Ok(settings)
    }

    #[test]
    fn every_default_is_allowed_by_its_own_kind_and_every_path_is_unique() {
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                assert!(setting.kind.parse(default).is_some(), "{}", setting.path);
            }
            assert_eq!(SETTINGS.iter().filter(|other| other.path == setting.path).count(), 1);
            assert!(!setting.help.ends_with('.'), "{}: clap adds nothing to help", setting.path);
        }
    }

    #[test]
    fn an_error_names_file_line_key_and_what_is_allowed() {
        let cases = [
            ("[policy]\nlease = 60", "oncegate.toml:2: policy.lease takes a time such as"),
            (
                "[policy]\n\nleese = \"60s\"",
                "oncegate.toml:3: policy.leese is not a setting; [policy] has namespace,",
            ),
            (
                "[polisee]\nlease = \"60s\"",
                "oncegate.toml:1: polisee is not a setting; the tables are plugin, input",
            ),
            ("policy = 3", "oncegate.toml:1: policy is a table: write [policy]"),
            ("[input]\nformat = \"xml\"", "oncegate.toml:2: input.format takes one of auto, envelope, raw"),
            ("[limits]\nkeys = -1", "oncegate.toml:2: limits.keys takes a whole number"),
            ("[limits]\nkeys = 4294967296", "oncegate.toml:2: limits.keys takes a whole number"),
            ("[plugin.config]\nrate = 3", "oncegate.toml:2: plugin.config.rate takes a text"),
            ("a = [", "oncegate.toml:1: "),
            ("[l1]\nbytes = 1\nbytes = 2", "oncegate.toml:3: duplicate key"),
        ];
        for (text, expected) in cases {
            let error = load(text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{text:?} gave {error:?}");
            assert!(!error.contains('\n'), "{error:?}");
        }
    }

    #[test]
    fn flags_lie_over_the_file_and_the_file_over_the_defaults() {
        let mut settings = load("[policy]\nlease = \"90s\"\nwindow = \"1d\"\n").unwrap();
        settings.flag(find("policy.window").unwrap(), "2d").unwrap();
        assert_eq!(settings.number("policy.lease"), 90_000);
        assert_eq!(settings.get("policy.window").unwrap().1, Origin::Flag("window"));
        assert_eq!(settings.get("policy.attempts").unwrap().1, Origin::Default);
        let Origin::File { line, .. } = settings.get("policy.lease").unwrap().1 else { panic!() };
        assert_eq!(line, 2);
    }

    #[test]
    fn file_names_in_a_configuration_start_from_its_folder() {
        let settings =
            load("[input]\npath = \"in.ndjson\"\n[output]\npath = \"-\"\n[store]\nurl = \"file:g.db\"")
                .unwrap();
        assert!(settings.text("input.path").unwrap().starts_with('/'));
        assert_eq!(settings.text("output.path"), Some("-"));
        assert!(settings.text("store.url").unwrap().starts_with("file:/"));
    }
}
