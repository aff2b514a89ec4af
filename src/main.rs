//! The `countersign` command: prints what goes wrong, and picks the exit status.

use std::process::ExitCode;

use countersign::cli;

/// Worth more than any cryptography here: a request makes many small allocations (`benches/wrk`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::complain(error);
            ExitCode::FAILURE
        }
    }
}
