//! The neighbours: what each does, as the messages that it is sent.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// Its plugin.
    pub plugin: &'static str,
    /// More messages than it can handle while it is measured.
    messages: usize,
    payload: fn(usize) -> Value,
}

/// Does what the watched pipeline does.
pub const HONEST: Case = Case { name: "honest", plugin: "payment", messages: 1_000_000, payload: payment };

/// The others.
pub const HOSTILE: [Case; 5] = [
    Case { name: "spin", plugin: "probe", messages: 5_000, payload: |_| json!({"steps": [{"spin": null}]}) },
    Case {
        name: "allocate",
        plugin: "probe",
        messages: 100_000,
        payload: |_| json!({"steps": [{"allocate": null}]}),
    },
    // As many keys as a delivery may name.
    Case {
        name: "keys",
        plugin: "probe",
        messages: 300_000,
        payload: |number| json!({"steps": [{"keys": [format!("{number}-"), 64]}]}),
    },
    // As many log lines as are kept, each as long as all of them together may be.
    Case {
        name: "log",
        plugin: "probe",
        messages: 500_000,
        payload: |_| json!({"steps": [{"repeat": [100, [{"log": "x".repeat(160)}]]}]}),
    },
    // Nearly as many outputs, and bytes of them, as an invocation may stage.
    Case {
        name: "emit",
        plugin: "probe",
        messages: 50_000,
        payload: |number| {
            let key = format!("k{number}");
            json!({"steps": [{"seen": key}, {"repeat": [900, [{"emit": ["t", "x".repeat(1000)]}]]}, {"commit": key}]})
        },
    },
];

fn payment(number: usize) -> Value {
    json!({"payment_id": format!("pay-{number}"), "account": "acc-1", "amount_cents": 100, "currency": "EUR"})
}

impl Case {
    /// The file of its messages.
    pub fn input(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.in", self.name))
    }

    /// Writes its messages.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = self.input(folder);
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            for number in 0..self.messages {
                writeln!(file, "{}", json!({"id": format!("n{number}"), "payload": (self.payload)(number)}))?;
            }
            file.flush()
        };
        write().with_context(|| format!("failed to write {}", path.display()))
    }
}
