//! `stock-proxy LISTEN NODE`: bare Pingora as it comes, with the system's allocator and Pingora's default scheduling.
//! Built with `--profile stock` it shows what the gateway's build profile is worth.

mod proxy;

use std::error::Error;

use pingora::server::configuration::ServerConf;

fn main() -> Result<(), Box<dyn Error>> {
    proxy::run(ServerConf::default())
}
