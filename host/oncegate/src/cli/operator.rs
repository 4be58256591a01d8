//! What the commands of an operator share: which store they are about, and how they wait for it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command};
use oncegate_dedup::{Namespace, SystemClock};

use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::settings::{Kind, Value};
use crate::stores::{Opened, StoreOptions, StoreUrl};

/// `--store` and what belongs to it.
pub fn with_store(command: Command, required: bool) -> Command {
    let url = Arg::new("store").long("store").value_name("URL").required(required);
    let ca_file = Arg::new("ca-file").long("ca-file").value_name("FILE");
    let hash_tag = Arg::new("hash-tag").long("hash-tag").value_name("TAG");
    command
        .arg(url.help("The store; an embedded one only while no run holds it"))
        .arg(ca_file.help("The certificates (PEM) that rediss:// trusts"))
        .arg(hash_tag.help("The store's hash tag, as store.hash_tag says it"))
}

/// `--namespace`.
pub fn namespace_arg() -> Arg {
    Arg::new("namespace").long("namespace").value_name("NAME").help("The namespace of the keys")
}

/// A text argument, or nothing.
pub fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

/// A time argument that has a default.
pub fn time_ms(matches: &ArgMatches, name: &str) -> Result<u64, Failure> {
    match Kind::Duration.parse(text(matches, name)) {
        Some(Value::Ms(ms)) if ms > 0 => Ok(ms),
        _ => Err(fail!(
            Exit::Usage,
            "--{name} takes {}, not {:?}",
            Kind::Duration.allowed(),
            text(matches, name)
        )),
    }
}

/// The namespace that was named. Those of trial runs may be looked at, too.
pub fn namespace(matches: &ArgMatches) -> Result<Namespace, Failure> {
    Namespace::of_store(text(matches, "namespace")).or_exit(Exit::Usage)
}

/// The store that was named.
pub fn store_options(matches: &ArgMatches) -> Result<StoreOptions, Failure> {
    let ca_file = matches.get_one::<String>("ca-file").map(PathBuf::from);
    let url = text(matches, "store").parse().or_exit(Exit::Usage)?;
    let hash_tag = matches.get_one::<String>("hash-tag").cloned();
    let options = StoreOptions { hash_tag, ..StoreOptions::of(url, ca_file) };
    options.validate().or_exit(Exit::Usage)?;
    Ok(options)
}

/// Opens a store that is there.
pub fn open(options: &StoreOptions) -> Result<Opened, Failure> {
    match &options.url {
        StoreUrl::File(path) if !path.exists() => {
            return Err(fail!(Exit::Store, "there is no store at {}", path.display()));
        }
        StoreUrl::Memory => {
            return Err(fail!(
                Exit::Store,
                "a store in memory is its process's own and ends with it: there is nothing to look at from here"
            ));
        }
        _ => {}
    }
    options.open(Arc::new(SystemClock), false)
}

/// Waits for what is asked.
pub fn wait<T>(what: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_exit(Exit::Failed)?;
    runtime.block_on(what)
}
