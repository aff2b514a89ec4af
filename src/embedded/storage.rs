//! The storage of the node: `s3s-fs`, with fixes that S3 clients need.
//!
//! Faults of `s3s-fs` 0.14.1 that are fixed here: a write into a missing bucket creates the bucket; GET and HEAD of a directory
//! succeed (rclone then reads a prefix as a file); listings have no `ETag` (s3cmd needs it) and return `EncodingType` without
//! encoding (rclone and boto3 then decode `%41`); `delimiter=` cuts every key after its first letter (rclone sends it); an
//! unknown upload is 403 or an empty 200; parts are listed unsorted and without `ETag`; `ListMultipartUploads` and
//! `GetBucketVersioning` are missing; `DeleteBucket` deletes the objects of the bucket.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::crypto::{Checksum, Md5};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

type Request<T> = S3Request<T>;
type Answer<T> = S3Result<S3Response<T>>;

/// Buckets and objects below one directory.
pub(super) struct Storage {
    files: FileSystem,
    root: PathBuf,
}

impl Storage {
    /// Opens the directory, and removes incomplete files of an earlier process.
    pub(super) fn new(root: PathBuf) -> s3s_fs::Result<Self> {
        Ok(Self {
            files: FileSystem::new(&root)?,
            root,
        })
    }

    fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    /// Refuses a key whose path is a directory: a prefix of other keys is not an object.
    fn require_object_path(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.require_bucket(bucket)?;
        let is_prefix = self
            .root
            .join(bucket)
            .join(key.trim_start_matches('/'))
            .is_dir();
        if is_prefix {
            Err(s3_error!(NoSuchKey))
        } else {
            Ok(())
        }
    }

    /// Refuses an upload that does not exist, or is completed or aborted.
    fn require_upload(&self, upload_id: &str) -> S3Result<()> {
        // `s3s-fs` has one such file per upload. The ids are UUIDs; the check keeps path separators out.
        let is_uuid = upload_id
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b == b'-');
        let exists = is_uuid
            && self
                .root
                .join(format!(".upload-{upload_id}.json"))
                .is_file();
        if exists {
            Ok(())
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    /// Adds to the listed objects the `ETag` that HEAD returns.
    async fn with_etags<T: Clone>(
        &self,
        req: &Request<T>,
        bucket: &str,
        objects: Option<&mut ObjectList>,
    ) -> S3Result<()> {
        for object in objects.into_iter().flatten() {
            let key = object.key.clone().unwrap_or_default();
            let head = HeadObjectInput {
                bucket: bucket.to_owned(),
                key,
                ..Default::default()
            };
            object.e_tag = self
                .files
                .head_object(req.clone().map_input(|_| head))
                .await?
                .output
                .e_tag;
            object.storage_class = Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            ));
        }
        Ok(())
    }

    /// The uploads in progress in a bucket whose keys start with `prefix`, in the order of their keys.
    ///
    /// `s3s-fs` names a file of each upload `.bucket-B.object-K.upload-ID.metadata.json`, B and K in base64.
    fn uploads(&self, bucket: &str, prefix: &str) -> io::Result<Vec<MultipartUpload>> {
        let start = format!(".bucket-{}.object-", URL_SAFE_NO_PAD.encode(bucket));
        let mut uploads = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let upload = name.to_str().and_then(|name| {
                let (key, id) = name
                    .strip_prefix(&start)?
                    .strip_suffix(".metadata.json")?
                    .split_once(".upload-")?;
                let key = String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?;
                key.starts_with(prefix).then(|| (key, id.to_owned()))
            });
            if let Some((key, id)) = upload {
                uploads.push(MultipartUpload {
                    key: Some(key),
                    upload_id: Some(id),
                    initiated: Some(entry.metadata()?.modified()?.into()),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..Default::default()
                });
            }
        }
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        Ok(uploads)
    }
}

/// The `ETag` of a part: the MD5 of its bytes.
fn etag_of(file: &Path) -> io::Result<ETag> {
    let digest = Md5::checksum(&std::fs::read(file)?);
    Ok(ETag::Strong(
        digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// Percent-encodes for `encoding-type=url`. A space becomes `%20`, which all clients decode in the same way.
fn encode(text: &mut String) {
    *text = text
        .bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    encoded.push(byte.into())
                }
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
            encoded
        });
}

/// Removes an empty parameter, which means the same as an absent one.
fn drop_empty(parameter: &mut Option<String>) {
    parameter.take_if(|value| value.is_empty());
}

/// Encodes the names in a listing, if `encoding-type=url` was requested.
fn encode_names(
    encoding: Option<&EncodingType>,
    objects: Option<&mut ObjectList>,
    prefixes: Option<&mut CommonPrefixList>,
    fields: &mut [&mut Option<String>],
) {
    if encoding.is_none_or(|encoding| encoding.as_str() != EncodingType::URL) {
        return;
    }
    let keys = objects
        .into_iter()
        .flatten()
        .filter_map(|object| object.key.as_mut());
    let prefixes = prefixes
        .into_iter()
        .flatten()
        .filter_map(|prefix| prefix.prefix.as_mut());
    let fields = fields.iter_mut().filter_map(|field| field.as_mut());
    keys.chain(prefixes).chain(fields).for_each(encode);
}

#[async_trait::async_trait]
impl S3 for Storage {
    async fn list_buckets(&self, req: Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.files.list_buckets(req).await
    }

    async fn create_bucket(&self, req: Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.files.create_bucket(req).await
    }

    async fn head_bucket(&self, req: Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.files.head_bucket(req).await
    }

    async fn get_bucket_location(
        &self,
        req: Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.files.get_bucket_location(req).await
    }

    /// No bucket is versioned. rclone asks before it deletes an object.
    async fn get_bucket_versioning(
        &self,
        req: Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        self.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn delete_bucket(&self, req: Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let first = ListObjectsV2Input {
            bucket: req.input.bucket.clone(),
            max_keys: Some(1),
            ..Default::default()
        };
        let listing = self
            .files
            .list_objects_v2(req.clone().map_input(|_| first))
            .await?;
        if listing.output.contents.is_some() {
            return Err(s3_error!(BucketNotEmpty));
        }
        self.files.delete_bucket(req).await
    }

    async fn list_objects(&self, req: Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let mut listed = req.clone();
        drop_empty(&mut listed.input.delimiter);
        let mut answer = self.files.list_objects(listed).await?;
        let out = &mut answer.output;
        self.with_etags(&req, &req.input.bucket, out.contents.as_mut())
            .await?;
        out.marker.clone_from(&req.input.marker);
        encode_names(
            out.encoding_type.as_ref(),
            out.contents.as_mut(),
            out.common_prefixes.as_mut(),
            &mut [
                &mut out.prefix,
                &mut out.delimiter,
                &mut out.marker,
                &mut out.next_marker,
            ],
        );
        Ok(answer)
    }

    async fn list_objects_v2(
        &self,
        req: Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let mut listed = req.clone();
        drop_empty(&mut listed.input.delimiter);
        let mut answer = self.files.list_objects_v2(listed).await?;
        let out = &mut answer.output;
        self.with_etags(&req, &req.input.bucket, out.contents.as_mut())
            .await?;
        encode_names(
            out.encoding_type.as_ref(),
            out.contents.as_mut(),
            out.common_prefixes.as_mut(),
            &mut [&mut out.prefix, &mut out.delimiter, &mut out.start_after],
        );
        Ok(answer)
    }

    async fn head_object(&self, req: Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        self.require_object_path(&req.input.bucket, &req.input.key)?;
        self.files.head_object(req).await
    }

    async fn get_object(&self, req: Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        self.require_object_path(&req.input.bucket, &req.input.key)?;
        self.files.get_object(req).await
    }

    async fn put_object(&self, req: Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        self.require_bucket(&req.input.bucket)?;
        self.files.put_object(req).await
    }

    async fn copy_object(&self, req: Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        self.files.copy_object(req).await
    }

    async fn delete_object(&self, req: Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.files.delete_object(req).await
    }

    async fn delete_objects(
        &self,
        req: Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        self.require_bucket(&req.input.bucket)?;
        self.files.delete_objects(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        self.require_bucket(&req.input.bucket)?;
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part(&self, req: Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.require_upload(&req.input.upload_id)?;
        self.files.upload_part(req).await
    }

    async fn upload_part_copy(
        &self,
        req: Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        self.require_upload(&req.input.upload_id)?;
        self.files.upload_part_copy(req).await
    }

    async fn list_parts(&self, req: Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let upload_id = req.input.upload_id.clone();
        self.require_upload(&upload_id)?;
        let mut answer = self.files.list_parts(req).await?;
        let parts = answer.output.parts.get_or_insert_default();
        parts.sort_by_key(|part| part.part_number);
        for part in parts {
            let file = format!(
                ".upload_id-{upload_id}.part-{}",
                part.part_number.unwrap_or_default()
            );
            part.e_tag =
                Some(etag_of(&self.root.join(file)).map_err(s3s::S3Error::internal_error)?);
        }
        Ok(answer)
    }

    async fn complete_multipart_upload(
        &self,
        req: Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.require_upload(&req.input.upload_id)?;
        self.files.complete_multipart_upload(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.require_upload(&req.input.upload_id)?;
        self.files.abort_multipart_upload(req).await
    }

    async fn list_multipart_uploads(
        &self,
        req: Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let ListMultipartUploadsInput {
            bucket,
            prefix,
            encoding_type,
            ..
        } = req.input;
        self.require_bucket(&bucket)?;
        let mut uploads = self
            .uploads(&bucket, prefix.as_deref().unwrap_or_default())
            .map_err(s3s::S3Error::internal_error)?;
        if encoding_type
            .as_ref()
            .is_some_and(|encoding| encoding.as_str() == EncodingType::URL)
        {
            uploads
                .iter_mut()
                .filter_map(|upload| upload.key.as_mut())
                .for_each(encode);
        }
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(bucket),
            prefix,
            encoding_type,
            uploads: Some(uploads),
            is_truncated: Some(false),
            ..Default::default()
        }))
    }
}
