//! The configuration file: TOML, and errors that name file, line and key.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use oncegate_broker::StreamUrl;
use oncegate_dedup::Namespace;
use oncegate_dedup::text::shown;
use toml::de::{DeArray, DeTable, DeValue};

use super::{
    FREE_TABLES, HOST, Kind, Origin, PIPELINE, PLUGIN_CONFIG, SETTINGS, Setting, Settings, Value, find,
};

/// How much of a name in a file is shown, in bytes.
const SHOWN_BYTES: usize = 80;

/// Lays a file over what is set.
pub(super) fn read(path: &Path, settings: &mut Settings) -> Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
    lay(path, &text, settings)
}

/// Lays a file's text over what is set. Errors show where, which name and what is allowed, and never a value: it may
/// be a secret.
pub(super) fn lay(path: &Path, text: &str, settings: &mut Settings) -> Result<()> {
    let document = Document { path, text };
    let table = DeTable::parse(text).map_err(|error| {
        let line = document.line(error.span().map_or(0, |span| span.start));
        anyhow!("{}:{line}: {}", path.display(), error.message().replace('\n', " "))
    })?;
    let top = Place { shown: "", path: "" };
    for (name, value) in table.get_ref().iter().filter(|(name, _)| name.get_ref() != PIPELINE) {
        document.entry(settings, &top, name.get_ref(), document.line(name.span().start), value.get_ref())?;
    }
    // After the top level, wherever it stands in the file: its values are their defaults.
    let pipelines = table.get_ref().iter().find(|(name, _)| name.get_ref() == PIPELINE);
    match pipelines.map(|(name, value)| (document.line(name.span().start), value.get_ref())) {
        None => Ok(()),
        Some((_, DeValue::Array(pipelines))) => document.pipelines(settings, pipelines),
        Some((line, _)) => Err(document.error(line, "there may be several pipelines: write [[pipeline]]")),
    }
}

struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

/// The table that is being read: as the file calls it, and as the settings do. Both end with a dot, or are empty.
struct Place<'a> {
    shown: &'a str,
    path: &'a str,
}

impl Document<'_> {
    fn pipelines(&self, settings: &mut Settings, pipelines: &DeArray<'_>) -> Result<()> {
        let mut named: Vec<(String, usize)> = Vec::new();
        for pipeline in pipelines {
            let line = self.line(pipeline.span().start);
            let DeValue::Table(table) = pipeline.get_ref() else {
                bail!(self.error(line, "a pipeline is a table: write [[pipeline]]"));
            };
            let (name, line) = self.name(table, line)?;
            if let Some((_, other)) = named.iter().find(|(other, _)| *other == name) {
                let what =
                    format!("line {other} has a pipeline {name} already: each needs a name of its own");
                bail!(self.error(line, &what));
            }
            let mut pipeline = settings.pipeline(&name);
            let place = Place { shown: "pipeline.", path: "" };
            for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "name") {
                self.entry(
                    &mut pipeline,
                    &place,
                    key.get_ref(),
                    self.line(key.span().start),
                    value.get_ref(),
                )?;
            }
            settings.add(pipeline);
            named.push((name, line));
        }
        Ok(())
    }

    /// The name of a pipeline, and the line that gives it.
    fn name(&self, table: &DeTable<'_>, line: usize) -> Result<(String, usize)> {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == "name") else {
            bail!(self.error(line, "a pipeline needs a name: write name = \"…\" below [[pipeline]]"));
        };
        let line = self.line(key.span().start);
        // The default of its namespace and part of what is printed, so that the same characters will do.
        match value.get_ref().as_str().filter(|name| Namespace::new(name).is_ok()) {
            Some(name) => Ok((name.to_owned(), line)),
            None => Err(self.error(line, "pipeline.name takes 1 to 64 of the characters A-Z a-z 0-9 . _ -")),
        }
    }

    fn entry(
        &self,
        settings: &mut Settings,
        place: &Place<'_>,
        name: &str,
        line: usize,
        value: &DeValue<'_>,
    ) -> Result<()> {
        let path = format!("{}{name}", place.path);
        let shown = format!("{}{}", place.shown, key_text(name));
        let free = FREE_TABLES.iter().find(|(table, ..)| *table == path);
        match (find(&path), free, value) {
            (_, Some((table, ..)), DeValue::Table(inner)) => self.free(settings, table, &shown, inner),
            (Some(setting), ..) if setting.path.starts_with(HOST) && place.shown != place.path => {
                let what = format!(
                    "{} is of the whole process: write it above the first [[{PIPELINE}]]",
                    setting.path
                );
                Err(self.error(line, &what))
            }
            (Some(setting), _, value) => {
                let value = self
                    .value(setting, value)
                    .ok_or_else(|| self.error(line, &format!("{shown} takes {}", setting.kind.allowed())))?;
                settings.set(setting, value, Origin::File { path: self.path.to_owned(), line });
                Ok(())
            }
            (None, _, DeValue::Table(inner)) if is_table(&path) => {
                let place = Place { shown: &format!("{shown}."), path: &format!("{path}.") };
                for (name, value) in inner {
                    let line = self.line(name.span().start);
                    self.entry(settings, &place, name.get_ref(), line, value.get_ref())?;
                }
                Ok(())
            }
            (None, ..) if is_table(&path) => {
                Err(self.error(line, &format!("{shown} is a table: write [{shown}]")))
            }
            (None, ..) => Err(self.error(line, &unknown(place, &shown))),
        }
    }

    fn free(
        &self,
        settings: &mut Settings,
        table: &'static str,
        shown: &str,
        inner: &DeTable<'_>,
    ) -> Result<()> {
        for (name, value) in inner {
            let Some(text) =
                value.get_ref().as_str().filter(|text| !text.is_empty() || table == PLUGIN_CONFIG)
            else {
                let what = format!("{shown}.{} takes a text", key_text(name.get_ref()));
                bail!(self.error(self.line(name.span().start), &what));
            };
            settings.set_free(table, name.get_ref().to_string(), text.to_owned());
        }
        Ok(())
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn error(&self, line: usize, what: &str) -> anyhow::Error {
        anyhow!("{}:{line}: {what}", self.path.display())
    }

    fn value(&self, setting: &Setting, value: &DeValue<'_>) -> Option<Value> {
        match (setting.kind, value) {
            (Kind::Place, DeValue::String(text)) if text.contains("://") || StreamUrl::is_meant(text) => {
                setting.kind.parse(text)
            }
            (Kind::Path | Kind::Place, DeValue::String(text)) => {
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

/// A name of the file's own, for errors.
fn key_text(name: &str) -> String {
    shown(name.as_bytes(), SHOWN_BYTES)
}

fn is_table(path: &str) -> bool {
    let free = FREE_TABLES.iter().map(|(table, ..)| *table);
    let mut names = SETTINGS.iter().map(|setting| setting.path).chain(free.clone());
    free.clone().any(|table| table == path)
        || names.any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(place: &Place<'_>, shown: &str) -> String {
    let known = SETTINGS.iter().filter_map(|setting| setting.path.strip_prefix(place.path));
    let known: Vec<&str> = known.filter(|rest| !place.path.is_empty() && !rest.contains('.')).collect();
    if known.is_empty() {
        let mut tables: Vec<_> = SETTINGS.iter().filter_map(|s| s.path.split('.').next()).collect();
        tables.dedup();
        return format!("{shown} is not a setting; the tables are {}", tables.join(", "));
    }
    format!("{shown} is not a setting; [{}] has {}", place.shown.trim_end_matches('.'), known.join(", "))
}
