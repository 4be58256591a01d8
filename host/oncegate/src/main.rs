//! `oncegate`: runs message handlers and makes their effects happen once.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: what reads hostile components has nothing to lose.
    if oncegate::compiling::is_asked() {
        return oncegate_sandbox::serve_compilation();
    }
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
