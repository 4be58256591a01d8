//! Where dead letters are, and where they came from.

use std::path::PathBuf;

use clap::ArgMatches;
use oncegate_broker::StreamUrl;
use oncegate_dedup::Namespace;

use crate::cli::{operator, pipelines};
use crate::config::{Config, Target};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::fail;
use crate::stores::StoreOptions;

/// A stream or a file.
#[derive(Debug, Clone)]
pub enum Place {
    /// A stream of a Redis.
    Stream(Box<StreamUrl>),
    /// A file.
    File(PathBuf),
}

impl Place {
    fn new(text: &str) -> Result<Self, Failure> {
        if !StreamUrl::is_meant(text) {
            return Ok(Place::File(PathBuf::from(text)));
        }
        let url: StreamUrl = text.parse().or_exit(Exit::Usage)?;
        match url.stream {
            Some(_) => Ok(Place::Stream(Box::new(url))),
            None => Err(fail!(Exit::Usage, "{url} names no stream: add /STREAM")),
        }
    }
}

/// Where the dead letters are that the command line means.
pub fn letters(matches: &ArgMatches) -> Result<Place, Failure> {
    if let Some(text) = matches.get_one::<String>("dead-letters") {
        return Place::new(text);
    }
    match pipelines::one_of(matches)? {
        Some(config) => of_config(&config),
        None => Err(fail!(Exit::Usage, "say with --dead-letters or --config where the dead letters are")),
    }
}

fn of_config(config: &Config) -> Result<Place, Failure> {
    match &config.dead_letters {
        Target::File(path) => Ok(Place::File(path.clone())),
        Target::Stream(target) => Ok(Place::Stream(Box::new(target.url.clone()))),
        Target::Stdout => {
            Err(fail!(Exit::Usage, "the dead letters of {config} go to standard output: nothing keeps them"))
        }
    }
}

/// Everything that a requeue is about.
#[derive(Debug)]
pub struct Requeue {
    /// Where the dead letters are.
    pub letters: Place,
    /// Where they go.
    pub to: Place,
    /// Where the records of their keys are.
    pub store: StoreOptions,
    /// In which namespace.
    pub namespace: Namespace,
}

impl Requeue {
    /// What the command line means.
    pub fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let config = pipelines::one_of(matches)?;
        let letters = match &config {
            Some(config) => of_config(config)?,
            None => letters(matches)?,
        };
        let source = config.as_ref().and_then(|config| config.input.stream());
        let to = match (matches.get_one::<String>("to"), source) {
            (Some(to), _) => Place::new(to)?,
            (None, Some(url)) => Place::Stream(Box::new(url.clone())),
            (None, None) => return Err(fail!(Exit::Usage, "say with --to where the messages go")),
        };
        if let (Place::File(letters), Place::File(to)) = (&letters, &to)
            && crate::config::real(letters) == crate::config::real(to)
        {
            return Err(fail!(Exit::Usage, "--to is the file of the dead letters itself: name another one"));
        }
        let given = |name: &str| matches.contains_id(name) && matches.get_one::<String>(name).is_some();
        let store = match &config {
            Some(config) if !given("store") => config.store.clone(),
            _ if given("store") => operator::store_options(matches)?,
            _ => return Err(fail!(Exit::Usage, "say with --store where the records of the keys are")),
        };
        let namespace = match &config {
            Some(config) if !given("namespace") => config.policy.keys_of(),
            _ if given("namespace") => operator::namespace(matches)?,
            _ => return Err(fail!(Exit::Usage, "say with --namespace what the keys' namespace is")),
        };
        Ok(Self { letters, to, store, namespace })
    }
}
