//! The `countersign` command: prints what goes wrong, and picks the exit status.

use std::process::ExitCode;

use countersign::cli;

/// Worth more than any cryptography here: a request makes many small allocations (`benches/wrk`). It asks for no huge pages
/// (feature `no_thp`): with them a slow client takes nearly twice the memory (`benches/connections`).
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
