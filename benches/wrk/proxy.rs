//! A Pingora proxy that only forwards: the baseline of the comparison.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

/// Forwards to its nodes in turn.
struct BareProxy {
    nodes: Vec<SocketAddr>,
    next: AtomicUsize,
}

#[async_trait]
impl ProxyHttp for BareProxy {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _ctx: &mut Self::CTX,
    ) -> pingora::Result<Box<HttpPeer>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
        Ok(Box::new(HttpPeer::new(
            self.nodes[turn],
            false,
            String::new(),
        )))
    }
}

/// Listens on `LISTEN` and forwards to `NODE`, both from the command line, until a signal ends it.
pub fn run(conf: ServerConf) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [listen, node] = arguments.as_slice() else {
        return Err("two arguments are needed: LISTEN NODE".into());
    };
    let node = node
        .parse()
        .map_err(|error| format!("NODE {node:?} is not an address like 127.0.0.1:9000: {error}"))?;

    let mut server = Server::new_with_opt_and_conf(
        None,
        ServerConf {
            threads: 1,
            // Pingora waits five minutes by default.
            grace_period_seconds: Some(0),
            graceful_shutdown_timeout_seconds: Some(0),
            ..conf
        },
    );
    server.bootstrap();
    let proxy = BareProxy {
        nodes: vec![node],
        next: AtomicUsize::new(0),
    };
    let mut service = http_proxy_service(&server.configuration, proxy);
    service.add_tcp(listen);
    server.add_service(service);
    server.run_forever()
}
