//! Commits and outputs in one step: the embedded store records how long the output files are.
//!
//! The files are written and synced first, the store commits the keys together with the files' new lengths, and
//! a start cuts each file back to the length that the store knows. Whatever moment a kill chooses, either both
//! the commit and its outputs are there, or neither.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use oncegate_broker::{FileSink, Position, Sink as _};
use oncegate_dedup::store::{FileStore, SettleOutcome, Settlement};
use oncegate_dedup::{Ending, Gate};

use super::{Outcome, Settle, Settling};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::pipeline::Item;

/// The embedded store, and two files whose lengths it knows.
#[derive(Debug)]
pub struct Exact {
    gate: Arc<Gate>,
    store: Arc<FileStore>,
    output: Recorded,
    dead_letters: Recorded,
}

/// A file whose length the store knows.
#[derive(Debug)]
struct Recorded {
    sink: FileSink,
    /// Under which name the store knows it.
    note: Vec<u8>,
}

impl Recorded {
    /// Opens the file, cuts it back to what the store has committed, and records that it is in use.
    fn open(path: &Path, store: &FileStore) -> Result<Self, Failure> {
        let mut sink = FileSink::open(path).or_exit(Exit::File)?;
        let note = note_name(path).or_exit(Exit::File)?;
        let recorded = store.note(&note).or_exit(Exit::Store)?;
        let recorded = recorded.as_deref().map(Position::decode).transpose();
        let recorded = recorded
            .with_context(|| format!("the store's position of {} cannot be read", path.display()))
            .or_exit(Exit::Store)?;
        sink.resume(recorded.as_ref()).or_exit(Exit::File)?;
        let recorded = Self { sink, note };
        // Before the first byte is written: otherwise a crash would leave bytes that no record accounts for.
        recorded.record(store, false)?;
        Ok(recorded)
    }

    fn position(&self, clean: bool) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let position = self.sink.position(clean).or_exit(Exit::File)?;
        Ok((self.note.clone(), position.encode()))
    }

    fn record(&self, store: &FileStore, clean: bool) -> Result<(), Failure> {
        let (note, position) = self.position(clean)?;
        store.put_note(&note, &position).or_exit(Exit::Store)
    }
}

/// A file is known by where it really is, so that another working folder or a link finds the same record.
fn note_name(path: &Path) -> anyhow::Result<Vec<u8>> {
    let real: PathBuf = path
        .canonicalize()
        .with_context(|| format!("the output {} cannot be found after it was opened", path.display()))?;
    let mut name = b"position:".to_vec();
    name.extend_from_slice(real.as_os_str().as_encoded_bytes());
    Ok(name)
}

impl Exact {
    /// Opens both files at the lengths that the store knows. A file that the store has never seen is appended to
    /// from its present end.
    pub fn open(
        gate: Arc<Gate>,
        store: Arc<FileStore>,
        output: &Path,
        dead_letters: &Path,
    ) -> Result<Self, Failure> {
        let output = Recorded::open(output, &store)?;
        let dead_letters = Recorded::open(dead_letters, &store)?;
        Ok(Self { gate, store, output, dead_letters })
    }

    /// Appends the lines of what the store would apply, and syncs them.
    fn write(&mut self, group: &[&mut Item], outcomes: &[SettleOutcome]) -> Result<bool, Failure> {
        let mut wrote = false;
        for (item, outcome) in group.iter().zip(outcomes) {
            if matches!(outcome, SettleOutcome::Applied { .. }) && item.writes() {
                self.output.sink.append(&item.output).or_exit(Exit::File)?;
                self.dead_letters.sink.append(&item.dead_letter).or_exit(Exit::File)?;
                wrote = true;
            }
        }
        if wrote {
            self.output.sink.sync().or_exit(Exit::File)?;
            self.dead_letters.sink.sync().or_exit(Exit::File)?;
        }
        Ok(wrote)
    }
}

impl Exact {
    /// What trial runs claimed is settled apart: nothing hangs on it.
    async fn settle_asides(&self, group: &mut [&mut Item]) {
        let is_shadow = |item: &&mut &mut Item| item.ending.as_ref().is_some_and(Ending::is_shadow);
        let (items, mut endings): (Vec<_>, Vec<Ending>) = group
            .iter_mut()
            .filter(is_shadow)
            .filter_map(|item| item.ending.take().map(|ending| (item, ending)))
            .unzip();
        if !endings.is_empty() {
            self.gate.try_settle(&mut endings).await;
        }
        for (item, ending) in items.into_iter().zip(endings) {
            item.ending = Some(ending);
        }
    }
}

impl Settle for Exact {
    fn settle<'a>(&'a mut self, group: &'a mut [&mut Item]) -> Settling<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(self.settle_group(group))
    }

    fn close(&mut self) -> Settling<'_, Result<(), Failure>> {
        Box::pin(async {
            self.output.record(&self.store, true)?;
            self.dead_letters.record(&self.store, true)
        })
    }
}

impl Exact {
    async fn settle_group(&mut self, group: &mut [&mut Item]) -> Result<Vec<Outcome>, Failure> {
        super::put_off_what_is_late(group.iter_mut(), &self.gate);
        let settlements: Vec<Settlement> = group.iter_mut().map(|item| item.take_settlement()).collect();
        let store = Arc::clone(&self.store);
        // From here to the commit nobody can take one of these keys over.
        let prepared = store.prepare(&settlements);
        let outcomes = prepared.outcomes().to_vec();
        let wrote = self.write(group, &outcomes)?;
        let notes = match wrote {
            true => vec![self.output.position(false)?, self.dead_letters.position(false)?],
            false => Vec::new(),
        };
        prepared.commit(&notes).or_exit(Exit::Store)?;
        group.iter_mut().zip(settlements).for_each(|(item, settlement)| item.restore(settlement));
        self.settle_asides(group).await;
        Ok(outcomes.into_iter().map(Outcome::Settled).collect())
    }
}
