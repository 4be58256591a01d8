//! Defaults, below the configuration file, below the flags: and where each value came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use oncegate_dedup::text::shown;

use super::{SETTINGS, Setting, Value, document, find};

/// How much of a value that is not allowed is shown, in bytes.
const SHOWN_BYTES: usize = 80;

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

/// What is set, and by whom: for one pipeline, or the defaults of several and each of them.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    /// What is in the tables of free names, by table and name.
    free: BTreeMap<(&'static str, String), String>,
    /// The pipeline's name, if these are the settings of one of several.
    name: Option<String>,
    /// The pipelines that the file names; none if these are the settings of one.
    pipelines: Vec<Settings>,
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
        document::read(path, self)
    }

    /// Lays a configuration's text over what is set, as if it were that file's.
    pub fn lay(&mut self, path: &Path, text: &str) -> Result<()> {
        document::lay(path, text, self)
    }

    /// Lays a flag's value over what is set, in every pipeline. What each pipeline has for itself is refused
    /// where there are several, and so is a plugin for pipelines that have different ones.
    pub fn flag(&mut self, setting: &'static Setting, text: &str) -> Result<()> {
        let flag = setting.flag.unwrap_or(setting.path);
        let value = setting
            .kind
            .parse(text)
            .ok_or_else(|| anyhow!("--{flag} takes {}, not {}", setting.kind.allowed(), quoted(text)))?;
        if self.pipelines.len() > 1 && (setting.alone || self.plugins_differ(setting)) {
            let names: Vec<_> = self.pipelines.iter().filter_map(Settings::name).collect();
            bail!(
                "--{flag} is of one pipeline, and the configuration has several ({}): set {} in each",
                names.join(", "),
                setting.path
            );
        }
        for settings in self.pipelines_mut() {
            settings.values.insert(setting.path, (value.clone(), Origin::Flag(flag)));
        }
        Ok(())
    }

    fn plugins_differ(&self, setting: &Setting) -> bool {
        let mut plugins = self.pipelines.iter().map(|pipeline| pipeline.text("plugin.path"));
        let first = plugins.next();
        setting.path == "plugin.path" && plugins.any(|plugin| Some(plugin) != first)
    }

    /// The settings of each pipeline: of those that the file names, or of the one that the whole is.
    pub fn pipelines(&self) -> &[Settings] {
        match self.pipelines.is_empty() {
            true => std::slice::from_ref(self),
            false => &self.pipelines,
        }
    }

    /// The same, to be changed.
    pub fn pipelines_mut(&mut self) -> &mut [Settings] {
        match self.pipelines.is_empty() {
            true => std::slice::from_mut(self),
            false => &mut self.pipelines,
        }
    }

    /// The name that the file gives this pipeline; none if it is the only one and has none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// A further pipeline, which begins with what is set here.
    pub(super) fn pipeline(&self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), pipelines: Vec::new(), ..self.clone() }
    }

    pub(super) fn add(&mut self, pipeline: Self) {
        self.pipelines.push(pipeline);
    }

    pub(super) fn set(&mut self, setting: &'static Setting, value: Value, origin: Origin) {
        self.values.insert(setting.path, (value, origin));
    }

    pub(crate) fn set_free(&mut self, table: &'static str, name: String, text: String) {
        self.free.insert((table, name), text);
    }

    /// Sets what follows from other values, unless somebody has set it.
    pub fn derive(&mut self, path: &'static str, value: Value) {
        self.values.entry(path).or_insert((value, Origin::Derived));
    }

    /// Sets what the command itself decides, whoever has set it.
    pub(crate) fn insist(&mut self, path: &'static str, value: Value) {
        self.values.insert(path, (value, Origin::Derived));
    }

    /// Makes it as if nobody had set it, for what has no default.
    pub(crate) fn forget(&mut self, path: &str) {
        self.values.remove(path);
    }

    /// The value and where it came from.
    pub fn get(&self, path: &str) -> Option<&(Value, Origin)> {
        self.values.get(path)
    }

    /// What is in a table of free names, each with its text.
    pub fn free(&self, table: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_table = self.free.iter().filter(move |((of, _), _)| *of == table);
        of_table.map(|((_, name), text)| (name.as_str(), text.as_str()))
    }

    /// What differs in others, by name: where it came from does not matter.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let names = |settings: &Self| -> Vec<Option<String>> {
            settings.pipelines().iter().map(|pipeline| pipeline.name.clone()).collect()
        };
        if names(self) != names(other) {
            return vec!["pipeline".to_owned()];
        }
        let pairs = self.pipelines().iter().zip(other.pipelines());
        let changed: BTreeSet<String> = pairs.flat_map(|(one, other)| one.changed_of_one(other)).collect();
        changed.into_iter().collect()
    }

    fn changed_of_one(&self, other: &Self) -> Vec<String> {
        let value = |settings: &Self, path: &str| settings.get(path).map(|(value, _)| value.clone());
        let paths = self.values.keys().chain(other.values.keys());
        let values = paths.filter(|path| value(self, path) != value(other, path));
        let free = self.free.keys().chain(other.free.keys());
        let free = free.filter(|name| self.free.get(name) != other.free.get(name));
        let free = free.map(|(table, name)| format!("{table}.{name}"));
        values.map(|path| (*path).to_owned()).chain(free).collect()
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

/// A value that is not allowed, unless it may be one with a password in it that stands in a wrong place.
fn quoted(text: &str) -> String {
    match text.contains('@') || text.contains("://") {
        true => "this value".to_owned(),
        false => format!("\"{}\"", shown(text.as_bytes(), SHOWN_BYTES)),
    }
}
