//! A credential store that has to ask somebody.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use async_trait::async_trait;
use countersign::clock::SystemClock;
use countersign::config::Settings;
use countersign::credentials::{CredentialStore, InlineStore, StoreFailure};
use countersign::logs;
use countersign::runtime::active_config::ReloadableOptions;
use countersign::server::{self, RunOptions};
use countersign::sig::VerifyingKey;
use support::gateway::Config;
use support::rec::{Answer, Rec};
use support::refusal::assert_refused;
use support::signer::{Request, SECRET_ACCESS_KEY, Word, now};
use support::wire::Connection;

/// Knows nothing of itself. Each answer takes a turn of the scheduler.
struct Asking {
    keys: InlineStore,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl CredentialStore for Asking {
    fn known(&self, _access_key_id: &str) -> Option<Result<VerifyingKey, StoreFailure>> {
        None
    }

    async fn resolve(&self, access_key_id: &str) -> Result<VerifyingKey, StoreFailure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        match access_key_id {
            "AKIABROKEN" => Err(StoreFailure::Unavailable),
            id => self.keys.resolve(id).await,
        }
    }
}

fn get(id: &str, secret: &str) -> Request {
    Request::new(Word::Aws, "GET", "/bucket01/k")
        .keys(id, secret)
        .date(&now())
        .signed()
}

#[test]
fn a_request_waits_for_the_store_and_is_judged_as_by_any_other() {
    let node = Rec::start(Answer::Ok);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("countersign.toml");
    std::fs::write(&file, Config::new(node.address()).text()).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let address = start(&file, &asked);
    let mut connection = Connection::open(address.strip_prefix("http://").unwrap());
    let own = "AKIAIOSFODNN7EXAMPLE";

    let admitted = connection.exchange(&get(own, SECRET_ACCESS_KEY));
    assert_eq!(admitted.status, 200);
    assert_eq!(node.requests().len(), 1);
    node.clear();
    for (case, id, secret, status, code) in [
        ("another secret", own, "other", 403, "SignatureDoesNotMatch"),
        (
            "nobody",
            "AKIANOBODY",
            SECRET_ACCESS_KEY,
            403,
            "InvalidAccessKeyId",
        ),
        (
            "no answer",
            "AKIABROKEN",
            SECRET_ACCESS_KEY,
            503,
            "ServiceUnavailable",
        ),
    ] {
        assert_refused(case, &connection.exchange(&get(id, secret)), status, code);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4, "once for each request");
    // What is wrong without any key is not asked for.
    let unsigned = Request::new(Word::Aws, "GET", "/bucket01/k").date(&now());
    assert_eq!(connection.exchange(&unsigned).status, 403);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    node.assert_untouched();
}

/// Runs a gateway in this process, for as long as that lives, and gives the URL of its listener.
fn start(file: &Path, asked: &Arc<AtomicUsize>) -> String {
    let settings = Settings::load(file).unwrap();
    let log = logs::start(settings.log);
    let live = ReloadableOptions {
        store: Arc::new(Asking {
            keys: InlineStore::new(&settings.keys),
            asked: Arc::clone(asked),
        }),
        signature: settings.signature,
        cluster: settings.cluster,
        listeners: settings.listeners,
    };
    let options = RunOptions {
        server: settings.server,
        admin: settings.admin,
        live,
    };
    let running = server::start(options, Arc::new(SystemClock), log.log()).unwrap();
    let address = running.addresses.listeners[0].clone();
    let never = || Err("nothing to read".to_owned());
    thread::spawn(move || running.run(Box::new(never), || ()));
    address
}
