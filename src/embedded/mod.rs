//! The embedded storage node: S3 over a directory, for the demo and the tests.
//!
//! It is made of the `s3s` and `s3s-fs` crates as libraries (`storage.rs` fills what `s3s-fs` lacks), and is meant for one
//! process, one directory and loopback: two nodes over one directory would overwrite each other's temporary files.

mod host;
mod storage;

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime;
use tokio::sync::oneshot;
use tracing::subscriber::NoSubscriber;

use crate::socket_address::SocketAddress;

/// How long requests in flight may go on once a [`Node`] is dropped.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after a failed `accept`, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a node serves, where, and to whom.
pub struct NodeOptions {
    /// The directory of the buckets. It is created when missing.
    pub root: PathBuf,
    /// Where to listen. Port 0 takes a free one; a Unix socket must not exist yet.
    pub address: SocketAddress,
    /// The access key id and secret access key of the only caller. With them the node verifies signatures itself and refuses
    /// anonymous requests; without them it serves unsigned requests only (a signed one gets 501 `NotImplemented`).
    pub auth: Option<(String, String)>,
    /// Base names for virtual-host style. A host name that is itself a bucket needs no entry.
    pub domains: Vec<String>,
}

/// Why a node could not start or make a bucket.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The directory cannot be created or read.
    #[error("storage node: cannot use the directory {}: {reason}", root.display())]
    Root {
        /// The directory as it was given.
        root: PathBuf,
        /// What the system or `s3s-fs` said.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("storage node: cannot listen on {address}: {source}")]
    Listen {
        /// The address as it was given.
        address: SocketAddress,
        /// What the system said.
        source: io::Error,
    },
    /// The thread or its runtime cannot be made.
    #[error("storage node: cannot start its thread: {0}")]
    Thread(#[source] io::Error),
    /// The name breaks S3's rules for bucket names.
    #[error(
        "storage node: {0:?} is no bucket name: 3 to 63 characters of a-z, 0-9, '-' and '.' are"
    )]
    BucketName(String),
    /// The bucket's directory cannot be made.
    #[error("storage node: cannot make the bucket {name}: {source}")]
    Bucket {
        /// The bucket.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A running storage node. It stops when dropped.
pub struct Node {
    root: PathBuf,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// Binds the address and serves it on a thread of the node's own.
    ///
    /// # Errors
    /// The directory cannot be used, or the address cannot be listened on.
    pub fn start(options: NodeOptions) -> Result<Self, EmbeddedError> {
        let root = std::fs::create_dir_all(&options.root)
            .and_then(|()| options.root.canonicalize())
            .map_err(|error| EmbeddedError::Root {
                root: options.root.clone(),
                reason: error.to_string(),
            })?;
        let service = service(&options, root.clone())?;
        let (listener, address) =
            Listener::bind(&options.address).map_err(|source| EmbeddedError::Listen {
                address: options.address.clone(),
                source,
            })?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(EmbeddedError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("embedded-node".into())
            .spawn(move || {
                // s3s puts whole requests, Authorization included, into its spans and errors: they must reach no log.
                let _silence = tracing::subscriber::set_default(NoSubscriber::default());
                runtime.block_on(listener.serve(service, stopped));
            })
            .map_err(EmbeddedError::Thread)?;
        Ok(Self {
            root,
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the node listens, as a cluster's `nodes` writes it: `127.0.0.1:41234` or `unix:/path`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes a bucket, unless it is there already.
    ///
    /// # Errors
    /// The name breaks S3's rules, or the directory cannot be written.
    pub fn create_bucket(&self, name: &str) -> Result<(), EmbeddedError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(EmbeddedError::BucketName(name.into()));
        }
        std::fs::create_dir_all(self.root.join(name)).map_err(|source| EmbeddedError::Bucket {
            name: name.into(),
            source,
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the node's thread has been printed by then, and drop must not panic again.
            let _ = thread.join();
        }
        if let Some(path) = self.address.strip_prefix("unix:") {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn service(options: &NodeOptions, root: PathBuf) -> Result<S3Service, EmbeddedError> {
    let storage = storage::Storage::new(root.clone()).map_err(|error| EmbeddedError::Root {
        root: root.clone(),
        reason: format!("{error:?}"),
    })?;
    let mut service = S3ServiceBuilder::new(storage);
    service.set_host(host::BucketHosts::new(&options.domains, root));
    if let Some((access_key_id, secret_access_key)) = &options.auth {
        service.set_auth(SimpleAuth::from_single(
            access_key_id.as_str(),
            secret_access_key.as_str(),
        ));
    }
    Ok(service.build())
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds, and says what the address has become.
    fn bind(address: &SocketAddress) -> io::Result<(Self, String)> {
        match address {
            SocketAddress::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                let bound = listener.local_addr()?.to_string();
                Ok((Self::Tcp(listener), bound))
            }
            SocketAddress::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Ok((Self::Unix(listener), address.to_string()))
            }
        }
    }

    /// Serves until `stopped` resolves, then lets the requests in flight finish within [`GRACE`].
    async fn serve(self, service: S3Service, stopped: oneshot::Receiver<()>) {
        let connections = GracefulShutdown::new();
        let accepting = async {
            match self {
                Self::Tcp(listener) => {
                    let listener = tokio::net::TcpListener::from_std(listener)
                        .expect("inside a runtime with I/O");
                    loop {
                        match listener.accept().await {
                            Ok((stream, _)) => {
                                // Without it an answer in two writes waits for the peer's delayed acknowledgement.
                                let _ = stream.set_nodelay(true);
                                serve_connection(&connections, &service, stream);
                            }
                            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                        }
                    }
                }
                Self::Unix(listener) => {
                    let listener = tokio::net::UnixListener::from_std(listener)
                        .expect("inside a runtime with I/O");
                    loop {
                        match listener.accept().await {
                            Ok((stream, _)) => serve_connection(&connections, &service, stream),
                            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                        }
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = stopped => {}
        }
        let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    }
}

/// Serves one HTTP/1.1 connection in a task of its own, watched for the shutdown.
fn serve_connection<S>(connections: &GracefulShutdown, service: &S3Service, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = auto::Builder::new(TokioExecutor::new())
        .http1_only()
        .serve_connection(TokioIo::new(stream), service.clone())
        .into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        // A broken connection is the client's affair: there is nobody left to tell.
        let _ = connection.await;
    });
}
