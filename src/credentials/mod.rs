//! Credentials: the stores of access keys. A look-up is the only I/O before a request is forwarded.

mod inline;

use async_trait::async_trait;
use thiserror::Error;

use crate::sig::VerifyingKey;
pub use inline::{InlineKey, InlineStore};

/// Why the store returns no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StoreFailure {
    /// There is no such key.
    #[error("the access key id is unknown")]
    Unknown,
    /// The store cannot be reached. This is never treated as an unknown key or an anonymous request.
    #[error("the credential store is unavailable")]
    Unavailable,
}

/// A store of access keys.
#[async_trait]
pub trait CredentialStore: Send + Sync + 'static {
    /// The result of [`resolve`](Self::resolve), if the store has it without I/O; none otherwise.
    fn known(&self, access_key_id: &str) -> Option<Result<VerifyingKey, StoreFailure>>;

    /// The key with exactly this access key id.
    ///
    /// # Errors
    /// [`StoreFailure`].
    async fn resolve(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure>;
}
