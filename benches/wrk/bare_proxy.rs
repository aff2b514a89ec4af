//! `bare-proxy LISTEN NODE`: bare Pingora, with the allocator, the build profile and the scheduling of the gateway.

mod proxy;

use std::error::Error;

use mimalloc::MiMalloc;
use pingora::server::configuration::ServerConf;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    proxy::run(ServerConf {
        work_stealing: false,
        ..ServerConf::default()
    })
}
