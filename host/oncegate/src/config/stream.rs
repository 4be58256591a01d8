//! Streams of a Redis: which topics go where, and what a stream must not be called.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use oncegate_broker::{StreamUrl, Topics};
use oncegate_dedup::store::RedisOptions;

use crate::settings::{OUTPUT_STREAMS, Settings};
use crate::stores;

/// Streams that outputs or dead letters go to.
#[derive(Debug, Clone)]
pub struct StreamTarget {
    /// The server.
    pub url: StreamUrl,
    /// Which stream each topic goes to.
    pub topics: Topics,
}

impl StreamTarget {
    /// One stream for everything.
    pub fn one(url: StreamUrl, stream: &str) -> Self {
        let mut url = url;
        (url.stream, url.group, url.start) = (Some(stream.to_owned()), None, None);
        Self { url, topics: Topics::One(stream.to_owned()) }
    }

    /// All streams, each once.
    pub fn streams(&self) -> Vec<&str> {
        self.topics.streams()
    }

    /// The stream that dead letters go to beside this one, if it is one.
    pub fn dead_letters(&self) -> Option<Self> {
        self.url.stream.as_ref().map(|stream| Self::one(self.url.clone(), &format!("{stream}.dead")))
    }
}

/// Whether a setting names a stream, and not a file. Another URL is neither; what is behind its scheme may hold a
/// password.
pub(super) fn is_named(text: &str, setting: &str) -> Result<bool> {
    if StreamUrl::is_meant(text) {
        return Ok(true);
    }
    match text.split_once("://") {
        Some((scheme, _)) if !scheme.contains('/') => {
            bail!("{setting} takes a file name, - or redis-stream://HOST/STREAM, not {scheme}://")
        }
        _ => Ok(false),
    }
}

/// Reads a stream's URL. The error shows nothing of it, since there may be a password in it.
pub(super) fn url(text: &str, setting: &str) -> Result<StreamUrl> {
    let mut url: StreamUrl = text.parse().with_context(|| setting.to_owned())?;
    stores::set_password(&mut url.redis);
    Ok(url)
}

/// Where outputs go, if that is a Redis: to its one stream, or by the table of topics.
pub(super) fn output(settings: &Settings, text: &str) -> Result<StreamTarget> {
    let url = url(text, "output.path")?;
    let one = url.of_sink().context("output.path")?.map(str::to_owned);
    let free = settings.free(OUTPUT_STREAMS);
    let map: BTreeMap<String, String> = free.map(|(topic, to)| (topic.to_owned(), to.to_owned())).collect();
    let target = match one {
        Some(_) if !map.is_empty() => bail!(
            "output.path names one stream for all topics, and output.streams one for each: take the stream's name \
             out of output.path, or the table out"
        ),
        Some(stream) => StreamTarget::one(url, &stream),
        None if map.is_empty() => bail!(
            "output.path names a Redis and no stream: add /STREAM for all topics, or the table [output.streams] with \
             a stream for each"
        ),
        None => StreamTarget { url, topics: Topics::Map(map) },
    };
    names_are_balanced(&target)?;
    Ok(target)
}

/// Where dead letters go, if that is a Redis.
pub(super) fn dead_letters(text: &str) -> Result<StreamTarget> {
    let url = url(text, "dead_letters.path")?;
    let Some(stream) = url.of_sink().context("dead_letters.path")?.map(str::to_owned) else {
        bail!("dead_letters.path names a Redis and no stream: add /STREAM");
    };
    let target = StreamTarget::one(url, &stream);
    names_are_balanced(&target)?;
    Ok(target)
}

/// A brace too many, and a cluster keeps the stream in another slot than its name seems to say.
fn names_are_balanced(target: &StreamTarget) -> Result<()> {
    let balanced = |name: &str| {
        let step = |depth: i32, c| match c {
            '{' => Some(depth + 1),
            '}' => (depth > 0).then_some(depth - 1),
            _ => Some(depth),
        };
        name.chars().try_fold(0, step) == Some(0)
    };
    match target.streams().into_iter().find(|name| !balanced(name)) {
        Some(name) => bail!(
            "the braces of the stream {name:?} are not in pairs: what stands in braces is its hash tag, which decides \
             where a cluster keeps it"
        ),
        None => Ok(()),
    }
}

/// The part of a name that decides on its slot in a cluster: what is in its first braces, or none.
pub(super) fn hash_tag(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once('{')?;
    let (tag, _) = rest.split_once('}')?;
    Some(tag).filter(|tag| !tag.is_empty())
}

/// Whether both lead to the same Redis, as far as that can be told without asking it.
pub fn same_server(one: &RedisOptions, other: &RedisOptions) -> bool {
    one.same_place(other)
}
