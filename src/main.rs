//! The `countersign` command: prints errors, and sets the exit status.

use std::process::ExitCode;

use countersign::cli;

/// A request makes many small allocations, so a fast allocator saves more time than any cryptography (`benches/wrk`). The
/// feature `no_thp` turns huge pages off: with them a slow client takes nearly twice the memory (`benches/connections`).
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
