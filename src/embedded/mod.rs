//! The embedded storage node: S3 over a directory, for the demo and the tests.
//!
//! It uses the crates `s3s` and `s3s-fs` (`storage.rs` adds what `s3s-fs` lacks). It is meant for the loopback address and for
//! one process per directory: two nodes over one directory would overwrite each other's temporary files.

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

/// The grace period of requests in flight after a [`Node`] is dropped.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after a failed `accept`, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The options of a node.
pub struct NodeOptions {
    /// The directory of the buckets. It is created when missing.
    pub root: PathBuf,
    /// The address to listen on. Port 0 uses a free port; the path of a Unix socket must not exist.
    pub address: SocketAddress,
    /// The only access key id and its secret. With a key the node verifies signatures and refuses unsigned requests; without one
    /// it serves only unsigned requests (a signed one gets 501 `NotImplemented`).
    pub auth: Option<(String, String)>,
    /// Base names for virtual-host style. A host name that is a bucket name needs no entry.
    pub domains: Vec<String>,
}

/// Why a node could not start or create a bucket.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The directory cannot be created or read.
    #[error("storage node: cannot use the directory {}: {reason}", root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// The error of the system or of `s3s-fs`.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("storage node: cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddress,
        /// The error of the system.
        source: io::Error,
    },
    /// The thread or its runtime cannot be created.
    #[error("storage node: cannot start its thread: {0}")]
    Thread(#[source] io::Error),
    /// The name breaks S3's rules for bucket names.
    #[error(
        "storage node: {0:?} is not a bucket name: write 3 to 63 characters of a-z, 0-9, '-' and '.'"
    )]
    BucketName(String),
    /// The directory of the bucket cannot be created.
    #[error("storage node: cannot create the bucket {name}: {source}")]
    Bucket {
        /// The bucket.
        name: String,
        /// The error of the system.
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
    /// Binds the address and serves it on a new thread.
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
                // s3s writes whole requests with their Authorization into its spans and errors, which must not be logged.
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

    /// The address of the node, as in a cluster's `nodes`: `127.0.0.1:41234` or `unix:/path`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Creates a bucket, unless it exists.
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
            // A panic of the node's thread has been printed already, and drop must not panic.
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
    /// Binds the address, and returns it with the bound port.
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

    /// Serves until `stopped` resolves, then lets the requests in flight end within [`GRACE`].
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
                                // Otherwise a response in two writes waits for the delayed acknowledgement of the first one.
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

/// Serves one HTTP/1.1 connection in a new task, with a graceful shutdown.
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
        // An error here means that the client has gone away: there is nobody to report it to.
        let _ = connection.await;
    });
}
