//! Credentials: the only I/O on the line of a request.

mod inline;

use async_trait::async_trait;
use thiserror::Error;

use crate::sig::VerifyingKey;
pub use inline::{InlineKey, InlineStore};

/// Why the store gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StoreFailure {
    /// There is no such key.
    #[error("the access key id is unknown")]
    Unknown,
    /// The store cannot be asked now. Never taken for "unknown", and never for "anonymous".
    #[error("the credential store is unavailable")]
    Unavailable,
}

/// Where keys are kept.
#[async_trait]
pub trait CredentialStore: Send + Sync + 'static {
    /// What [`resolve`](Self::resolve) would give, where the store can tell without asking anybody; none where it has to
    /// ask.
    fn known(&self, access_key_id: &str) -> Option<Result<VerifyingKey, StoreFailure>>;

    /// The key with exactly this AccessKeyId.
    ///
    /// # Errors
    /// [`StoreFailure`].
    async fn resolve(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure>;
}
