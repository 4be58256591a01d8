//! `oncegate store`: the record by which hosts know a Redis again.

use clap::{Arg, ArgAction, ArgMatches, Command};
use oncegate_dedup::store::{RedisStore, RedisStoreOptions, Sentinel};
use oncegate_dedup::text;
use oncegate_redis::redis::cmd;
use serde_json::json;

use super::{operator, print};
use crate::audit::{self, Audit};
use crate::console::{self, Console, Node};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::settings::about;
use crate::stores::{StoreOptions, StoreUrl};
use crate::{fail, rfc3339};

/// How long a line about a primary is, in bytes: servers of a cluster name each other.
const LINE_BYTES: usize = 4 << 10;

const ABOUT_INIT: &str = "Begins a store on each primary that has none: writes its sentinel, the record without which hosts refuse a server, \
     because it may have been emptied. What is there stays as it is. By doing it you accept that whatever the server \
     once remembered may be lost, and may happen again";

pub fn command() -> Command {
    let of = |command: Command| operator::with_store(command, true).after_help(crate::exit::HELP);
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, a line each");
    Command::new("store")
        .about("Begins a store on a Redis, and shows what it is known by")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(crate::exit::HELP)
        .subcommands([
            of(Command::new("init").about(ABOUT_INIT)).args(audit::args()),
            of(Command::new("show")
                .about("Shows the sentinels of each primary; exit code 1 if any is missing"))
            .arg(json),
        ])
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((command, matches)) = matches.subcommand() else {
        return Err(fail!(Exit::Usage, "store needs init or show"));
    };
    let options = operator::store_options(matches)?;
    let StoreUrl::Redis(url) = &options.url else {
        return Err(fail!(Exit::Usage, "the store {} is no Redis: it needs no sentinel", options.url));
    };
    let redis = options.redis(url, false)?;
    match command {
        "init" => init(matches, &options, &redis),
        _ => show(&redis, matches.get_flag("json")),
    }
}

fn init(matches: &ArgMatches, options: &StoreOptions, redis: &RedisStoreOptions) -> Result<(), Failure> {
    let mut audit = Audit::open(matches, "store init", options.url.to_string(), None)?;
    let tag = redis.hash_tag.clone().map_or(serde_json::Value::Null, Into::into);
    let change = audit.intend(vec![("hash_tag", tag)])?;
    let made = match RedisStore::init(redis) {
        Ok(made) => made,
        Err(error) => {
            audit.came_of(&change, &format!("not done, or not everywhere: {error}"))?;
            return Err(error).or_exit(Exit::Store);
        }
    };
    let line = |primary: &oncegate_dedup::store::Initialised| match (primary.written, primary.sentinels) {
        (0, _) => format!("{}: the store was there, and is left as it is", primary.address),
        (all, of) if all == of => format!("{}: a store is begun", primary.address),
        (some, of) => format!("{}: {some} of {of} sentinels were missing, and are written", primary.address),
    };
    let lines: Vec<String> = made.iter().map(|made| text::line(&line(made), LINE_BYTES)).collect();
    audit.came_of(&change, &lines.join("; "))?;
    print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn show(redis: &RedisStoreOptions, json: bool) -> Result<(), Failure> {
    let console = Console::find(&redis.redis);
    if let Some(why) = &console.refused {
        return Err(fail!(Exit::Store, "redis at {}: {why}", redis.redis.address()));
    }
    let missing = operator::wait(async {
        let mut missing = 0;
        for mut node in console.nodes().await.map_err(|why| fail!(Exit::Store, "{why}"))? {
            missing += show_node(&mut node, json).await?;
        }
        Ok(missing)
    })?;
    match missing {
        0 => Ok(()),
        _ => Err(fail!(
            Exit::Failed,
            "{missing} sentinels are missing: hosts refuse the server, because it may have been emptied; see what \
             happened, and then begin the store with oncegate store init"
        )),
    }
}

/// Shows the sentinels of one primary, and answers how many are missing.
async fn show_node(node: &mut Node, json: bool) -> Result<usize, Failure> {
    let now_ms = node.time_ms().await.map_err(|why| fail!(Exit::Store, "{}: {why}", node.address))?;
    let mut missing = 0;
    for name in Sentinel::names_on(&node.slots) {
        let answer = node.ask(cmd("GET").arg(&name)).await;
        let found = answer.map_err(|why| fail!(Exit::Store, "{}: {name}: {why}", node.address))?;
        let found = (found != oncegate_redis::redis::Value::Nil).then(|| console::text(found));
        missing += usize::from(found.is_none());
        let sentinel = found.as_ref().map(|found| Sentinel::read(found.as_bytes()));
        let line = match (json, sentinel) {
            (true, Some(Ok(sentinel))) => json_line(&node.address, &name, &sentinel, now_ms),
            (true, Some(Err(error))) => {
                json!({"primary": node.address, "name": name, "unreadable": error.to_string()}).to_string()
            }
            (true, None) => json!({"primary": node.address, "name": name, "missing": true}).to_string(),
            (false, Some(Ok(sentinel))) => {
                format!("{}  {name}  {}", node.address, in_words(&sentinel, now_ms))
            }
            (false, Some(Err(error))) => format!("{}  {name}  {error}", node.address),
            (false, None) => format!("{}  {name}  missing", node.address),
        };
        let line = if json { text::json_line(&line) } else { text::line(&line, LINE_BYTES) };
        print(&format!("{line}\n"))?;
    }
    Ok(missing)
}

fn in_words(sentinel: &Sentinel, now_ms: u64) -> String {
    let tag = match sentinel.tag.as_str() {
        "" => "no hash tag".to_owned(),
        tag => format!("hash tag {tag}"),
    };
    let epoch = match (sentinel.since_ms, sentinel.hold_ms(now_ms)) {
        (0, _) => "in the epoch in which it was begun".to_owned(),
        (since_ms, 0) => format!("in another epoch since {}", rfc3339::utc(since_ms)),
        (since_ms, hold_ms) => format!(
            "in another epoch since {}: for {} more, keys that could be had are taken for claimed",
            rfc3339::utc(since_ms),
            about(hold_ms)
        ),
    };
    format!("store {}, {tag}, longest lease {}, {epoch}", sentinel.creation, about(sentinel.lease_ms))
}

fn json_line(address: &str, name: &str, sentinel: &Sentinel, now_ms: u64) -> String {
    json!({
        "primary": address,
        "name": name,
        "creation": sentinel.creation,
        "hash_tag": sentinel.tag,
        "longest_lease_ms": sentinel.lease_ms,
        "run_id": sentinel.epoch.run_id,
        "replication_id": sentinel.epoch.replication_id,
        "since_ms": sentinel.since_ms,
        "held_back_ms": sentinel.hold_ms(now_ms),
    })
    .to_string()
}
