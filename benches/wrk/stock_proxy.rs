//! `stock-proxy LISTEN NODE`: bare Pingora with its defaults, the system's allocator and Pingora's default scheduling.
//! Built with `--profile stock`, to show the effect of the gateway's build profile.

mod proxy;

use std::error::Error;

use pingora::server::configuration::ServerConf;

fn main() -> Result<(), Box<dyn Error>> {
    proxy::run(ServerConf::default())
}
