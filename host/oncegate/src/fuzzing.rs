//! What operators write and are shown: doors for targets that make it up. No promise to anybody else.

use oncegate_dedup::{Key, Namespace};

use crate::cli;
use crate::key_text;
use crate::letters::Letter;
use crate::settings::Settings;

/// The key that a listing shows so.
pub fn key(namespace: &Namespace, text: &str) -> anyhow::Result<Key> {
    key_text::read(namespace, text)
}

/// All keys that a listing shows so.
pub fn keys(namespace: &Namespace, text: &str) -> anyhow::Result<Vec<Key>> {
    key_text::all(namespace, text)
}

/// What `check` prints of a pipeline's settings.
pub fn effective(settings: &Settings) -> String {
    cli::check::effective(settings)
}

/// What `dead list`, `dead list --json` and `dead show` print of an entry.
pub fn letter(id: &str, fields: Vec<(Vec<u8>, Vec<u8>)>) -> [String; 3] {
    let found = (id.to_owned(), Letter::of_entry(id.to_owned(), fields));
    [cli::dead::view::text_line(&found), cli::dead::view::json_line(&found), cli::dead::view::page(&found)]
}

/// An error as a command ends with it.
pub fn error_line(error: anyhow::Error) -> String {
    crate::exit::Failure { exit: crate::exit::Exit::Usage, error }.to_string()
}
