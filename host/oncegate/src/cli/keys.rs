//! `oncegate keys`: what happened to a key, and how to let it happen again.

use std::path::Path;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_dedup::store::{Entry, Forgotten, Page};
use oncegate_dedup::text::shown;
use oncegate_dedup::{Key, Namespace, Record, State, SystemClock, hex};

use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::{Kind, Value, about};
use crate::stores::Opened;

/// Records asked for at once.
const PAGE: usize = 1000;

/// How much of a receipt is shown, in bytes.
const RECEIPT_BYTES: usize = 200;

pub fn command() -> Command {
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, a line each");
    let of = |command: Command| {
        let url = Arg::new("store").long("store").value_name("URL").required(true);
        let namespace = Arg::new("namespace").long("namespace").value_name("NAME").required(true);
        let ca_file = Arg::new("ca-file").long("ca-file").value_name("FILE");
        command
            .arg(url.help("The store; an embedded one only while no run holds it"))
            .arg(namespace.help("The namespace of the keys"))
            .arg(ca_file.help("The certificates (PEM) that rediss:// trusts"))
    };
    let key = || {
        Arg::new("key").value_name("KEY").required(true).help("The key; sha256:… for a long one, as listed")
    };
    let keep = Arg::new("keep").long("keep").value_name("TIME").default_value("7d");
    Command::new("keys")
        .about("Shows and changes what a store remembers of keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(crate::exit::HELP)
        .subcommands([
            of(Command::new("get").about("Shows one key; exit code 1 if there is no record"))
                .arg(key())
                .arg(json()),
            of(Command::new("list").about("Lists the keys of a namespace")).arg(json()),
            of(Command::new("forget").about(
                "Forgets a key: its next delivery is handled as new. A host that runs may overlook it for as \
                 long as its l1.staleness says",
            ))
            .arg(key())
            .arg(keep.help(
                "How long the trace of the forgetting is kept; at least as long as a run's longest lease",
            )),
        ])
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(fail!(Exit::Usage, "keys needs get, list or forget"));
    };
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let namespace = Namespace::new(text("namespace")).or_exit(Exit::Usage)?;
    let url: crate::stores::StoreUrl = text("store").parse().or_exit(Exit::Usage)?;
    if let crate::stores::StoreUrl::File(path) = &url
        && !path.exists()
    {
        return Err(fail!(Exit::Store, "there is no store at {}", path.display()));
    }
    let ca_file = matches.get_one::<String>("ca-file").map(Path::new);
    let opened = url.open(ca_file, Arc::new(SystemClock))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().or_exit(Exit::Failed)?;
    let json = command != "forget" && matches.get_flag("json");
    runtime.block_on(async {
        match command {
            "get" => get(&opened, &key(&namespace, text("key"))?, json).await,
            "list" => list(&opened, namespace, json).await,
            _ => forget(&opened, &key(&namespace, text("key"))?, text("keep")).await,
        }
    })
}

/// A key as `list` shows it, or as the handler named it.
fn key(namespace: &Namespace, text: &str) -> Result<Key, Failure> {
    let Some(digits) = text.strip_prefix("sha256:").filter(|digits| digits.len() == 64) else {
        return Ok(Key::new(namespace, text.as_bytes()));
    };
    let digest = hex::decode(digits).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let digest =
        digest.ok_or_else(|| fail!(Exit::Usage, "{text} is not a key: the digits are not hexadecimal"))?;
    Ok(Key::from_digest(namespace, &digest))
}

async fn get(opened: &Opened, key: &Key, json: bool) -> Result<(), Failure> {
    match opened.store.get(key).await.or_exit(Exit::Store)? {
        Some(entry) => super::print(&show(&entry, json)),
        None => Err(fail!(
            Exit::Failed,
            "no record of key {}: nobody claimed it, or its window has ended",
            key.name()
        )),
    }
}

async fn list(opened: &Opened, namespace: Namespace, json: bool) -> Result<(), Failure> {
    let mut page = Page { namespace, cursor: None, limit: PAGE };
    loop {
        let listing = opened.store.list(&page).await.or_exit(Exit::Store)?;
        let text: String = listing.entries.iter().map(|entry| show(entry, json)).collect();
        super::print(&text)?;
        match listing.next {
            Some(next) => page.cursor = Some(next),
            None => return Ok(()),
        }
    }
}

async fn forget(opened: &Opened, key: &Key, keep: &str) -> Result<(), Failure> {
    let Some(Value::Ms(keep_ms)) = Kind::Duration.parse(keep) else {
        return Err(fail!(Exit::Usage, "--keep takes {}, not {keep:?}", Kind::Duration.allowed()));
    };
    let Some(entry) = opened.store.get(key).await.or_exit(Exit::Store)? else {
        return Err(fail!(Exit::Failed, "no record of key {}: there is nothing to forget", key.name()));
    };
    let record = entry.record.or_exit(Exit::Store)?;
    // By its fence: what somebody else does to the key in between is not forgotten unseen.
    match opened.store.forget(key, Some(record.fence), keep_ms).await.or_exit(Exit::Store)? {
        Forgotten::Done => {
            super::print(&format!("forgotten: {} (it was {})\n", key.name(), record.state.word()))
        }
        Forgotten::Absent => Err(fail!(Exit::Failed, "the record of key {} has just ended", key.name())),
        Forgotten::Changed(fence) => {
            Err(fail!(Exit::Failed, "key {} has just changed (fence {fence}): look again", key.name()))
        }
    }
}

fn show(entry: &Entry, json: bool) -> String {
    match &entry.record {
        Ok(record) if json => format!("{}\n", json_line(entry, record)),
        Ok(record) => format!("{}\n", text_line(entry, record)),
        Err(unreadable) if json => {
            let line = serde_json::json!({"key": entry.key.name().to_string(), "unreadable": unreadable.to_string()});
            format!("{line}\n")
        }
        Err(unreadable) => format!("{}  unreadable: {unreadable}\n", entry.key.name()),
    }
}

fn state(entry: &Entry, record: &Record) -> &'static str {
    match record.state {
        State::Claimed if entry.lease_left_ms() == 0 => "claimed, lapsed",
        State::Released if record.forgotten => "forgotten",
        state => state.word(),
    }
}

fn text_line(entry: &Entry, record: &Record) -> String {
    let mut line = format!("{}  {}", entry.key.name(), state(entry, record));
    if record.state == State::Claimed && entry.lease_left_ms() > 0 {
        line.push_str(&format!("  lease left {}", about(entry.lease_left_ms())));
    }
    line.push_str(&format!("  kept {}  attempts {}", about(entry.left_ms), record.attempts));
    if record.host_deaths > 0 {
        line.push_str(&format!("  host deaths {}", record.host_deaths));
    }
    line.push_str(&format!("  fence {}", record.fence));
    if let Some(receipt) = &record.receipt {
        line.push_str(&format!("  receipt {}", shown(receipt, RECEIPT_BYTES)));
    }
    if !record.text.is_empty() {
        line.push_str(&format!("  {}", shown(record.text.as_bytes(), RECEIPT_BYTES)));
    }
    line
}

fn json_line(entry: &Entry, record: &Record) -> serde_json::Value {
    serde_json::json!({
        "key": entry.key.name().to_string(),
        "state": state(entry, record),
        "lease_left_ms": entry.lease_left_ms(),
        "left_ms": entry.left_ms,
        "attempts": record.attempts,
        "host_deaths": record.host_deaths,
        "fence": record.fence.to_string(),
        "fingerprint": record.fingerprint.map(|print| print.to_string()),
        "receipt": record.receipt.as_ref().map(|receipt| shown(receipt, receipt.len())),
        "text": shown(record.text.as_bytes(), record.text.len()),
    })
}
