//! `object-store-client VERB BUCKET [ARGUMENT…]`: what the tests ask of object_store, with its defaults.
//!
//! The endpoint and the key are in the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`); objects
//! are read from standard input and written to standard output.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_buf, stdin, stdout};

const PART_SIZE: usize = 5 * 1024 * 1024;
const URL_LIFE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "there is a TLS provider already")?;
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let &[verb, bucket, ref arguments @ ..] = words.as_slice() else {
        return Err("VERB BUCKET [ARGUMENT…]".into());
    };
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_allow_http(true)
        // It does not try again, which would hide a failure.
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        })
        .build()?;
    match (verb, arguments) {
        ("put", [key]) => {
            let mut body = Vec::new();
            stdin().read_to_end(&mut body).await?;
            store
                .put(&Path::parse(key)?, PutPayload::from(body))
                .await?;
        }
        ("put-stream", [key]) => {
            let mut source = tokio::io::BufReader::with_capacity(64 * 1024, stdin());
            let mut object = BufWriter::new(Arc::new(store), Path::parse(key)?);
            copy_buf(&mut source, &mut object).await?;
            object.shutdown().await?;
        }
        ("put-parts", [key]) => put_parts(&store, key).await?,
        ("get", [key]) => {
            let mut pieces = store.get(&Path::parse(key)?).await?.into_stream();
            let mut out = stdout();
            while let Some(piece) = pieces.next().await {
                out.write_all(&piece?).await?;
            }
            out.flush().await?;
        }
        ("get-range", [key, from, to]) => {
            let range = from.parse()?..to.parse()?;
            let part = store.get_range(&Path::parse(key)?, range).await?;
            let mut out = stdout();
            out.write_all(&part).await?;
            out.flush().await?;
        }
        ("size", [key]) => println!("{}", store.head(&Path::parse(key)?).await?.size),
        ("keys", []) => {
            let mut listed = store.list(None);
            while let Some(object) = listed.next().await {
                println!("{}", object?.location);
            }
        }
        ("copy", [from, to]) => store.copy(&Path::parse(from)?, &Path::parse(to)?).await?,
        ("delete", [key]) => store.delete(&Path::parse(key)?).await?,
        ("presign", [method, key]) => {
            let method = Method::from_bytes(method.as_bytes())?;
            let url = store
                .signed_url(method, &Path::parse(key)?, URL_LIFE)
                .await?;
            println!("{url}");
        }
        _ => return Err(format!("no such verb: {words:?}").into()),
    }
    Ok(())
}

/// Uploads standard input in parts of [`PART_SIZE`].
async fn put_parts(store: &AmazonS3, key: &str) -> Result<(), Box<dyn Error>> {
    let mut upload = store.put_multipart(&Path::parse(key)?).await?;
    let mut body = Vec::new();
    stdin().read_to_end(&mut body).await?;
    for part in body.chunks(PART_SIZE) {
        upload.put_part(PutPayload::from(part.to_vec())).await?;
    }
    upload.complete().await?;
    Ok(())
}
