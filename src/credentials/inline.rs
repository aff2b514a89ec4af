//! Keys that stand in the configuration file.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{CredentialStore, StoreFailure};
use crate::secret::Secret;
use crate::sig::{Identity, VerifyingKey};

/// One key of the configuration file.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InlineKey {
    /// Who the key belongs to.
    #[serde(flatten)]
    pub identity: Identity,
    /// The SecretAccessKey.
    pub secret_access_key: Secret<String>,
}

/// The keys, ready to verify.
#[derive(Debug)]
pub struct InlineStore {
    keys: HashMap<String, VerifyingKey>,
}

impl InlineStore {
    /// Prepares the keys. Of two keys with one id the later one counts; the configuration refuses such a pair.
    pub fn new(keys: &[InlineKey]) -> Self {
        let keys = keys
            .iter()
            .map(|key| {
                let ready = VerifyingKey::new(key.identity.clone(), &key.secret_access_key);
                (key.identity.access_key_id.clone(), ready)
            })
            .collect();
        Self { keys }
    }
}

#[async_trait]
impl CredentialStore for InlineStore {
    async fn resolve(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure> {
        self.keys
            .get(access_key_id)
            .cloned()
            .ok_or(StoreFailure::Unknown)
    }
}
