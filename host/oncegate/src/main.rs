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

/// Messages are allocated by one thread and freed by another, which the system's allocator pays for dearly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
