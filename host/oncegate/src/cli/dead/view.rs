//! Dead letters for people and for programs.

use clap::ArgMatches;
use oncegate_dedup::text::{line, shown};
use serde_json::{Value, json};

use super::places::{self, Place};
use crate::cli::{self, operator, print};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::letters::{FileLetters, Letter, StreamLetters};
use crate::{fail, rfc3339};

/// How much of a payload a list shows, in bytes.
const LISTED_BYTES: usize = 60;

/// How much of any other text a list shows, in bytes.
const TEXT_BYTES: usize = 200;

/// How much of a part of a letter its page shows, in bytes; `--json` shows all of it.
const PAGE_BYTES: usize = 64 << 10;

pub(crate) type Found = (String, anyhow::Result<Letter>);

pub fn list(matches: &ArgMatches) -> Result<(), Failure> {
    let limit = matches.get_one::<u32>("limit").copied().unwrap_or(u32::MAX) as usize;
    let after = matches.get_one::<String>("after").map(String::as_str);
    let found: Vec<Found> = match places::letters(matches)? {
        Place::Stream(url) => {
            let mut letters = StreamLetters::open(&url).or_exit(Exit::File)?;
            operator::wait(async { letters.page(after, limit).await.or_exit(Exit::File) })?
        }
        Place::File(path) => {
            let after = after.map_or(Ok(0), |after| after.parse::<u64>().map_err(|_| no_line(after)))?;
            let letters = FileLetters::open(&path).or_exit(Exit::File)?;
            letters.filter(|(id, _)| id.parse().is_ok_and(|id: u64| id > after)).take(limit).collect()
        }
    };
    let line = if matches.get_flag("json") { json_line } else { text_line };
    print(&found.iter().map(line).collect::<String>())
}

fn no_line(text: &str) -> Failure {
    fail!(Exit::Usage, "{text:?} is no line of a file: a number is")
}

pub fn show(matches: &ArgMatches) -> Result<(), Failure> {
    let id = operator::text(matches, "id");
    let found = match places::letters(matches)? {
        Place::Stream(url) => {
            let mut letters = StreamLetters::open(&url).or_exit(Exit::File)?;
            operator::wait(async { letters.get(id).await.or_exit(Exit::File) })?
        }
        Place::File(path) => {
            let mut letters = FileLetters::open(&path).or_exit(Exit::File)?;
            letters.find(|(found, _)| found == id).map(|(_, letter)| letter)
        }
    };
    let Some(letter) = found else {
        return Err(fail!(Exit::Failed, "there is no dead letter {id}; it may have been sent again"));
    };
    let found = (id.to_owned(), letter);
    match matches.get_flag("json") {
        true => print(&json_line(&found)),
        false => print(&page(&found)),
    }
}

pub(crate) fn text_line((id, letter): &Found) -> String {
    let letter = match letter {
        Ok(letter) => letter,
        Err(error) => return unreadable(id, error),
    };
    let when = letter.died_ms.map(|ms| format!("  {}", rfc3339::utc(ms))).unwrap_or_default();
    let keys: String = letter.keys().map(|key| format!("  key {}", clipped(key))).collect();
    format!(
        "{}{when}  {}{keys}  payload {}\n",
        line(id, TEXT_BYTES),
        clipped(letter.reason()),
        shown(&letter.payload, LISTED_BYTES)
    )
}

fn unreadable(id: &str, error: &anyhow::Error) -> String {
    format!("{}  unreadable: {}\n", line(id, TEXT_BYTES), line(&format!("{error:#}"), PAGE_BYTES))
}

/// A text of the host's as it stands, because it was escaped when it was written; escaped, if it was not.
fn clipped(text: &str) -> String {
    printable(text, TEXT_BYTES)
}

fn printable(text: &str, limit: usize) -> String {
    let escaped = shown(text.as_bytes(), limit);
    // What has nothing to be escaped but backslashes was escaped before.
    let once = escaped.replace("\\\\", "\\");
    if text.starts_with(once.trim_end_matches('…')) { once } else { escaped }
}

pub(crate) fn json_line((id, letter): &Found) -> String {
    let line = match letter {
        Ok(letter) => json_of(letter),
        Err(error) => json!({"id": id, "unreadable": format!("{error:#}")}),
    };
    cli::json_line(&line)
}

fn json_of(letter: &Letter) -> Value {
    let headers = letter.headers.iter().map(|header| json!([header.name, text_or_base64(&header.value)]));
    let host: Vec<Value> = letter.host_headers.iter().map(|(name, text)| json!([name, text])).collect();
    json!({
        "id": letter.id,
        "time": letter.died_ms.map(rfc3339::utc),
        "reason": letter.reason(),
        "keys": letter.keys().collect::<Vec<_>>(),
        "host_headers": host,
        "message": {
            "id": letter.message_id,
            "topic": letter.topic,
            "key": letter.message_key,
            "headers": headers.collect::<Vec<_>>(),
            "payload": text_or_base64(&letter.payload),
        },
    })
}

fn text_or_base64(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    }
}

pub(crate) fn page((id, letter): &Found) -> String {
    let letter = match letter {
        Ok(letter) => letter,
        Err(error) => return unreadable(id, error),
    };
    let row = |name: &str, text: &[u8]| format!("{name:<18}  {}\n", shown(text, PAGE_BYTES));
    let mut page = row("id", id.as_bytes());
    if let Some(ms) = letter.died_ms {
        page.push_str(&row("time", rfc3339::utc(ms).as_bytes()));
    }
    for (name, text) in &letter.host_headers {
        page.push_str(&format!(
            "{:<18}  {}\n",
            shown(name.as_bytes(), TEXT_BYTES),
            printable(text, PAGE_BYTES)
        ));
    }
    page.push_str(&row("message id", letter.message_id.as_bytes()));
    page.push_str(&row("topic", letter.topic.as_bytes()));
    if let Some(key) = &letter.message_key {
        page.push_str(&row("message key", key.as_bytes()));
    }
    for header in &letter.headers {
        page.push_str(&row(&format!("header {}", shown(header.name.as_bytes(), TEXT_BYTES)), &header.value));
    }
    page.push_str(&row("payload", &letter.payload));
    page
}
