//! `oncegate`: runs message handlers and makes their effects happen once.

use std::process::ExitCode;

fn main() -> ExitCode {
    match oncegate::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("oncegate: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}
