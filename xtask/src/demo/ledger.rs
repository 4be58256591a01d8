//! What the output must hold, worked out from the input without the host's help.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Every payment of a stream, by its id.
#[derive(Debug)]
pub struct Ledger {
    payments: HashMap<String, Value>,
}

impl Ledger {
    /// Reads a stream of payments.
    pub fn of(input: &Path) -> Result<Ledger> {
        let mut payments = HashMap::new();
        for_each_line(input, |line| {
            let payload = &line["payload"];
            let id = payload["payment_id"].as_str().context("a delivery without payment_id")?;
            payments.insert(id.to_owned(), payload.clone());
            Ok(())
        })?;
        Ok(Ledger { payments })
    }

    /// How many different payments there are.
    pub fn payments(&self) -> usize {
        self.payments.len()
    }

    /// Compares the charges of an output with the payments: each payment charged once, with its own account
    /// and amount, and nothing else there. Says so, or fails with the first difference.
    pub fn verify(&self, output: &Path) -> Result<String> {
        let mut open: HashMap<&str, &Value> = self.payments.iter().map(|(id, p)| (id.as_str(), p)).collect();
        for_each_line(output, |line| {
            let charge = &line["payload"];
            let id = charge["payment_id"].as_str().context("a charge without payment_id")?;
            let Some(payment) = open.remove(id) else { bail!("payment {id} is charged twice, or unknown") };
            let same =
                ["account", "amount_cents", "currency"].iter().all(|name| payment[name] == charge[name]);
            ensure!(same && line["topic"] == "charges" && line["key"] == id, "a wrong charge: {line}");
            Ok(())
        })?;
        match open.keys().min() {
            Some(id) => bail!("{} payments are not charged, {id} for one", open.len()),
            None => Ok(format!("verified: {} payments, each charged exactly once", self.payments())),
        }
    }
}

fn for_each_line(file: &Path, mut each: impl FnMut(Value) -> Result<()>) -> Result<()> {
    let reader = File::open(file).with_context(|| format!("failed to open {}", file.display()))?;
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let whole = line.map_err(anyhow::Error::from).and_then(|line| Ok(serde_json::from_str(&line)?));
        whole.and_then(&mut each).with_context(|| format!("{}:{}", file.display(), number + 1))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(charges: &[&str]) -> Result<String, String> {
        let payment = |id: &str| {
            let payload = serde_json::json!({"account": "a", "amount_cents": 5, "currency": "EUR"});
            (id.to_owned(), payload)
        };
        let ledger = Ledger { payments: [payment("p1"), payment("p2")].into() };
        let lines: Vec<_> = charges
            .iter()
            .map(|id| {
                format!(r#"{{"topic":"charges","key":"{id}","payload":{{"payment_id":"{id}","account":"a","amount_cents":5,"currency":"EUR"}}}}"#) + "\n"
            })
            .collect();
        let name = format!("xtask-ledger-{}-{}", std::process::id(), charges.join("-"));
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, lines.concat()).expect("a temporary file");
        let verdict = ledger.verify(&file).map_err(|error| format!("{:#}", error.root_cause()));
        std::fs::remove_file(&file).expect("it was just written");
        verdict
    }

    #[test]
    fn a_charge_too_many_or_too_few_is_found() {
        assert_eq!(verify(&["p2", "p1"]), Ok("verified: 2 payments, each charged exactly once".into()));
        assert_eq!(verify(&["p1", "p2", "p1"]), Err("payment p1 is charged twice, or unknown".into()));
        assert_eq!(verify(&["p1", "p3"]), Err("payment p3 is charged twice, or unknown".into()));
        assert_eq!(verify(&["p1"]), Err("1 payments are not charged, p2 for one".into()));
    }
}
