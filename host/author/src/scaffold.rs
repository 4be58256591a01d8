//! A new project, written.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::kit::{self, File};
use crate::language::Language;
use crate::versions::Versions;

/// What names of template files end with where a tool would trip over them in the repository.
const TEMPLATE_ENDING: &str = ".tmpl";
/// The SDK's folder in a project.
const SDK: &str = "sdk";

/// Where a project has its SDK from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SdkFrom {
    /// A copy in the project itself, which needs no registry to have it.
    #[default]
    Bundled,
    /// The language's registry, by name and version.
    Published,
}

/// A project that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaffold {
    /// Its language.
    pub language: Language,
    /// Its name, and that of its folder.
    pub name: String,
    /// Where it has its SDK from.
    pub sdk: SdkFrom,
}

impl Scaffold {
    /// Writes the project into a new folder of its name, and returns that. A folder that has anything in it is left
    /// alone.
    pub fn write(&self, parent: &Path) -> Result<PathBuf, Error> {
        check_name(&self.name)?;
        let folder = parent.join(&self.name);
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::project(&folder, "there is something in that folder: choose another name"));
        }
        let words = self.words()?;
        for File { path, bytes } in kit::template(self.language) {
            let path = folder.join(path.strip_suffix(TEMPLATE_ENDING).unwrap_or(path));
            kit::write(&path, &filled(bytes, &words))?;
        }
        for File { path, bytes } in kit::wit() {
            kit::write(&folder.join("wit").join(path), bytes)?;
        }
        // All of them handle the same orders.
        if let Some(cases) = kit::file("guest-sdk/cases.ndjson") {
            kit::write(&folder.join("cases.ndjson"), cases)?;
        }
        if self.sdk == SdkFrom::Bundled {
            for File { path, bytes } in kit::sdk(self.language) {
                kit::write(&folder.join(SDK).join(path), bytes)?;
            }
        }
        Ok(folder)
    }

    /// What stands for what in a template.
    fn words(&self) -> Result<Vec<(String, String)>, Error> {
        let versions = Versions::read()?;
        let word = |name: &str, value: &str| (format!("{{{{{name}}}}}"), value.to_owned());
        let mut words = vec![
            word("name", &self.name),
            word("name_snake", &self.name.replace('-', "_")),
            word("version", env!("CARGO_PKG_VERSION")),
            word("sdk", &self.sdk_in_manifest(&versions)),
        ];
        words.extend(versions.tools().map(|(tool, version)| word(tool, version)));
        Ok(words)
    }

    /// How the project's manifest names the SDK.
    fn sdk_in_manifest(&self, versions: &Versions) -> String {
        let (name, version) = (versions.name(self.language), env!("CARGO_PKG_VERSION"));
        match (self.language, self.sdk) {
            (Language::Rust, SdkFrom::Bundled) => format!("{{ path = \"{SDK}\" }}"),
            (Language::Rust, SdkFrom::Published) => format!("\"{version}\""),
            (Language::Go, SdkFrom::Bundled) => {
                format!("require {name} v{version}\n\nreplace {name} => ./{SDK}")
            }
            (Language::Go, SdkFrom::Published) => format!("require {name} v{version}"),
            (Language::JavaScript | Language::TypeScript, SdkFrom::Bundled) => format!("file:./{SDK}"),
            (Language::JavaScript | Language::TypeScript, SdkFrom::Published) => version.to_owned(),
            (Language::Python, SdkFrom::Bundled) => format!("{name} @ {{root:uri}}/{SDK}"),
            (Language::Python, SdkFrom::Published) => format!("{name}=={version}"),
            (Language::C, _) => SDK.to_owned(),
        }
    }
}

/// A template's file with its words filled in. What is no text is left as it is.
fn filled(bytes: &[u8], words: &[(String, String)]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let filled = words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value));
    filled.into_bytes()
}

/// A name that is one in each language, and as a file's.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.ends_with('-')
        && !name.contains("--");
    match fits {
        true => Ok(()),
        false => Err(Error::Name { name: name.chars().take(80).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_in_each_language() {
        for name in ["a", "orders", "orders-2-parcels"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a/b", "..", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_has_no_word_left_to_fill_in_and_is_never_written_over() {
        for language in Language::ALL {
            for sdk in [SdkFrom::Bundled, SdkFrom::Published] {
                let parent = tempfile::tempdir().unwrap();
                let scaffold = Scaffold { language, name: "two-words".to_owned(), sdk };
                let folder = scaffold.write(parent.path()).unwrap();
                for File { path, .. } in kit::template(language) {
                    let path = folder.join(path.strip_suffix(TEMPLATE_ENDING).unwrap_or(path));
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("{{"), "{}: {text}", path.display());
                }
                assert_eq!(folder.join(SDK).is_dir(), sdk == SdkFrom::Bundled);
                let again = scaffold.write(parent.path()).unwrap_err().to_string();
                assert!(again.ends_with("choose another name"), "{again}");
            }
        }
    }
}
