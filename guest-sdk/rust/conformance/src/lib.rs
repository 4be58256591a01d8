//! The driver of `tests/conformance`: does the steps that its payload lists, and emits what each of them gave.

mod blob;
mod run;
mod step;
#[cfg(test)]
mod tests;

use oncegate_sdk::{Message, emit, reject};
use run::Run;
use std::error::Error;
use step::Step;

fn handle(message: Message) -> Result<(), Box<dyn Error>> {
    let steps = match message.header("echo") {
        Some(_) => vec![Step::Message(())],
        None => message.json()?,
    };
    let mut run = Run::new(&message);
    run.steps(&steps)?;
    let results = serde_json::to_string(&run.results)?;
    if message.header("results") == Some(b"reason") {
        return Err(reject(ascii(&results)).into());
    }
    emit("results").bytes(results)?;
    Ok(())
}

oncegate_sdk::handler!(handle);

/// The same JSON without a character beyond ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        match c.is_ascii() {
            true => text.push(c),
            false => {
                let units = c
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}"))
                    .collect::<String>();
                text.push_str(&units);
            }
        }
    }
    text
}
