//! The names under which SDKs are published, and the versions of the tools that build with them.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::kit;
use crate::language::Language;

/// Where they stand, in the repository and in this library.
const FILE: &str = "guest-sdk/versions.toml";

/// What that file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    names: BTreeMap<String, String>,
    tools: BTreeMap<String, String>,
}

impl Versions {
    /// Reads it. Fails only if this library was built with a file that is wrong.
    pub fn read() -> Result<Self, Error> {
        let wrong = |why: &str| Error::project(FILE.as_ref(), why);
        let text = kit::file(FILE).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let table: toml::Table =
            text.unwrap_or_default().parse().map_err(|error: toml::de::Error| wrong(error.message()))?;
        let section = |name: &str| -> Result<BTreeMap<String, String>, Error> {
            let section = table
                .get(name)
                .and_then(toml::Value::as_table)
                .ok_or_else(|| wrong("a section is missing"))?;
            let pair =
                |(key, value): (&String, &toml::Value)| Some((key.clone(), value.as_str()?.to_owned()));
            Ok(section.iter().filter_map(pair).collect())
        };
        Ok(Self { names: section("names")?, tools: section("tools")? })
    }

    /// The name under which a language's SDK is published.
    pub fn name(&self, language: Language) -> &str {
        self.names.get(language.sdk()).map_or("", String::as_str)
    }

    /// The version of a tool.
    pub fn tool(&self, name: &str) -> &str {
        self.tools.get(name).map_or("", String::as_str)
    }

    /// All tools, by name.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tools.iter().map(|(name, version)| (name.as_str(), version.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_name_and_the_tools_have_versions() {
        let versions = Versions::read().unwrap();
        for language in Language::ALL {
            assert!(!versions.name(language).is_empty(), "{language}");
        }
        for tool in ["componentize-qjs", "componentize-py", "esbuild", "go"] {
            assert!(!versions.tool(tool).is_empty(), "{tool}");
        }
    }
}
