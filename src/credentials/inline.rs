//! Keys from the configuration file.

use async_trait::async_trait;

use super::{CredentialStore, StoreFailure};
use crate::secret::Secret;
use crate::sig::{Identity, VerifyingKey};

/// One key of the configuration file.
#[derive(Debug, Clone)]
pub struct InlineKey {
    /// The access key id, the principal and the domains of the key.
    pub identity: Identity,
    /// The secret access key.
    pub secret_access_key: Secret<String>,
    /// The session token that requests with this key must have, if any.
    pub session_token: Option<Secret<String>>,
}

/// The keys, prepared for verification.
#[derive(Debug)]
pub struct InlineStore {
    /// Sorted by access key id.
    keys: Vec<VerifyingKey>,
}

impl InlineStore {
    /// Prepares the keys. Their ids are unique: the configuration refuses duplicates.
    pub fn new(keys: &[InlineKey]) -> Self {
        let ready = |key: &InlineKey| {
            let ready = VerifyingKey::new(key.identity.clone(), &key.secret_access_key);
            match &key.session_token {
                Some(token) => ready.with_session_token(token),
                None => ready,
            }
        };
        let mut keys: Vec<VerifyingKey> = keys.iter().map(ready).collect();
        keys.sort_by(|one, other| id(one).cmp(id(other)));
        Self { keys }
    }

    fn find(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure> {
        let found = self.keys.binary_search_by(|key| id(key).cmp(access_key_id));
        found
            .map(|at| self.keys[at].clone())
            .map_err(|_absent| StoreFailure::Unknown)
    }
}

#[async_trait]
impl CredentialStore for InlineStore {
    fn known(&self, access_key_id: &str) -> Option<Result<VerifyingKey, StoreFailure>> {
        Some(self.find(access_key_id))
    }

    async fn resolve(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure> {
        self.find(access_key_id)
    }
}

fn id(key: &VerifyingKey) -> &str {
    &key.identity().access_key_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn exactly_the_id_is_found() {
        let key = |id: &str| InlineKey {
            identity: Identity {
                access_key_id: id.into(),
                principal: "p".into(),
                domains: None,
            },
            secret_access_key: Secret::new("s".into()),
            session_token: None,
        };
        let ids = ["b", "a", "B", "ab", "aa"];
        let store = InlineStore::new(&ids.map(key));
        for id in ids {
            let found = store.resolve(id).await.unwrap();
            assert_eq!(found.identity().access_key_id, id);
            let known = store.known(id).unwrap().unwrap();
            assert_eq!(known.identity().access_key_id, id);
        }
        for id in ["", "A", "a ", "abc", "%", "*)(uid=*"] {
            assert_eq!(
                store.resolve(id).await.unwrap_err(),
                StoreFailure::Unknown,
                "{id}"
            );
        }
    }
}
