//! The folder of all cases.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Case;

impl Case {
    /// All cases, by name.
    pub fn all() -> Vec<Self> {
        let mut names: Vec<String> = folders().collect();
        names.sort_unstable();
        names.iter().map(|name| Self::named(name)).collect()
    }

    /// One case.
    pub fn named(name: &str) -> Self {
        let folder = root().join(name);
        let file = folder.join("case.toml");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let case: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { name: name.to_owned(), folder, ..case }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/evil")
}

fn folders() -> impl Iterator<Item = String> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_at_least_sixty_and_each_says_one_thing_of_its_own() {
        let cases = Case::all();
        assert!(cases.len() >= 60, "{}", cases.len());
        let sentences: HashSet<_> = cases.iter().map(|case| &case.does).collect();
        assert_eq!(sentences.len(), cases.len());
        for Case { name, expect, does, .. } in &cases {
            assert!(does.ends_with('.'), "{name}: what it does is a sentence");
            assert!(expect.refused.is_some() != expect.end.is_some(), "{name}: refused, or an end");
        }
    }
}
