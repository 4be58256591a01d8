//! The targets: one row each.

mod answers;
mod components;
mod entries;
mod keys;
mod lines;
mod modules;
mod mutants;
mod records;
mod settings;
mod text;

/// A function of bytes, and what it takes to find inputs that matter.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is also its corpus folder's.
    pub name: &'static str,
    /// What it is about.
    pub what: &'static str,
    /// Panics if the input shows something that must not be.
    pub run: fn(&[u8]),
    /// The longest input that is made.
    pub longest: usize,
    /// What stands in many inputs.
    pub words: &'static [&'static [u8]],
    /// Where mutations begin, beside the corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target {
        name: "text",
        what: "what is shown of anybody's bytes",
        run: text::run,
        longest: 4096,
        words: text::WORDS,
        seeds: text::seeds,
    },
    Target {
        name: "keys",
        what: "keys as they are stored, named in Redis, shown and typed",
        run: keys::run,
        longest: 1024,
        words: keys::WORDS,
        seeds: keys::seeds,
    },
    Target {
        name: "records",
        what: "records and claim logs, as a disk holds them",
        run: records::run,
        longest: 4096,
        words: records::WORDS,
        seeds: records::seeds,
    },
    Target {
        name: "answers",
        what: "what a Redis answers to the store's scripts and to a stream's readers",
        run: answers::run,
        longest: 4096,
        words: answers::WORDS,
        seeds: answers::seeds,
    },
    Target {
        name: "lines",
        what: "lines of JSON, in each format",
        run: lines::run,
        longest: 8192,
        words: lines::WORDS,
        seeds: lines::seeds,
    },
    Target {
        name: "entries",
        what: "entries of streams as messages and as dead letters",
        run: entries::run,
        longest: 4096,
        words: entries::WORDS,
        seeds: entries::seeds,
    },
    Target {
        name: "settings",
        what: "configuration files, with secrets in them",
        run: settings::run,
        longest: 8192,
        words: settings::WORDS,
        seeds: settings::seeds,
    },
    Target {
        name: "modules",
        what: "core modules by chance, wrapped into the world, loaded and called",
        run: modules::run,
        longest: 8192,
        words: &[],
        seeds: modules::seeds,
    },
    Target {
        name: "components",
        what: "component text from a small grammar, loaded and called",
        run: components::run,
        longest: 512,
        words: &[],
        seeds: components::seeds,
    },
    Target {
        name: "mutants",
        what: "real components with changed bytes, loaded and called",
        run: mutants::run,
        longest: 256 << 10,
        words: mutants::WORDS,
        seeds: mutants::seeds,
    },
];

/// The target of that name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
