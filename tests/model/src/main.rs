//! Searches the protocol's model through, and says what it found.

use std::process::ExitCode;

use oncegate_model::program;

fn main() -> ExitCode {
    match program::run(std::env::args().skip(1), &mut std::io::stdout()) {
        Ok(code) => ExitCode::from(code),
        // Whoever read it has gone.
        Err(_) => ExitCode::from(program::USAGE),
    }
}
