//! The bucket that a `Host` names at the storage node.

use std::path::PathBuf;

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Virtual-host style below the base names, a custom domain for a host name that is a bucket, path style for all others.
///
/// `s3s::host::MultiDomain` reads every unknown host name as a bucket, so that path style would not work with `localhost`.
pub(super) struct BucketHosts {
    domains: Vec<String>,
    root: PathBuf,
}

impl BucketHosts {
    pub(super) fn new(domains: &[String], root: PathBuf) -> Self {
        Self {
            domains: domains
                .iter()
                .map(|domain| domain.to_ascii_lowercase())
                .collect(),
            root,
        }
    }
}

impl S3Host for BucketHosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host
            .rsplit_once(':')
            .map_or(host, |(name, _port)| name)
            .to_ascii_lowercase();
        for domain in &self.domains {
            if name == *domain {
                return Ok(VirtualHost::new(name));
            }
            if let Some(bucket) = name
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
            {
                let bucket = bucket.to_owned();
                return Ok(VirtualHost::new(domain.as_str()).with_bucket(bucket));
            }
        }
        // The check keeps `.` and `..` out of the path.
        if s3s::path::check_bucket_name(&name) && self.root.join(&name).is_dir() {
            return Ok(VirtualHost::new(host).with_bucket(name));
        }
        Ok(VirtualHost::new(name))
    }
}
