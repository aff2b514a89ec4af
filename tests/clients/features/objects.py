"""Objects and copies."""

import base64
import copy
import datetime
import hashlib
import io

from contract import HARD_KEY, KEYS, MIB, PERCENT_KEY, content
from features.feature import Feature


class Objects(Feature):
    def test_an_object_comes_back_under_every_key(self):
        for key in KEYS:
            with self.subTest(key=key):
                self.put(key, content(70_001))
                self.assertEqual(self.get(key), content(70_001))

    def test_an_empty_object(self):
        self.put(body=b"")
        self.assertEqual(self.get(), b"")

    def test_an_object_from_a_stream(self):
        body = content(3 * MIB)
        self.put(body=io.BytesIO(body))
        self.assertEqual(self.get(), body)

    def test_an_object_of_unsigned_payload(self):
        s3 = self.client(s3={"payload_signing_enabled": False, "addressing_style": "path"})
        s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=content(70_001))
        self.assertEqual(self.get(), content(70_001))

    def test_an_object_without_checksums(self):
        s3 = self.client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
        s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=content(70_001))
        self.assertEqual(s3.get_object(Bucket=self.bucket, Key=HARD_KEY)["Body"].read(), content(70_001))

    def test_an_object_with_version_2_of_the_signature(self):
        s3 = self.client(signature_version="s3")
        s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=content(70_001), Metadata={"colour": "blue"}, ACL="public-read")
        self.assertEqual(s3.get_object(Bucket=self.bucket, Key=HARD_KEY)["Body"].read(), content(70_001))

    def test_an_object_with_its_md5(self):
        body = content(5000)
        self.put(body=body, ContentMD5=base64.b64encode(hashlib.md5(body).digest()).decode())
        self.refused(400, self.put, body=body, ContentMD5=base64.b64encode(bytes(16)).decode())

    def checksum(self, algorithm):
        self.put(body=content(70_001), ChecksumAlgorithm=algorithm)
        self.assertEqual(self.get(ChecksumMode="ENABLED"), content(70_001))

    def test_checksum_crc32(self):
        self.checksum("CRC32")

    def test_checksum_crc32c(self):
        self.checksum("CRC32C")

    def test_checksum_crc64nvme(self):
        self.checksum("CRC64NVME")

    def test_checksum_sha1(self):
        self.checksum("SHA1")

    def test_checksum_sha256(self):
        self.checksum("SHA256")

    def test_checksum_sha512(self):
        self.checksum("SHA512")

    def test_checksum_xxhash3(self):
        self.checksum("XXHASH3")

    def test_checksum_xxhash64(self):
        self.checksum("XXHASH64")

    def test_checksum_xxhash128(self):
        self.checksum("XXHASH128")

    def test_checksum_md5(self):
        body = content(70_001)
        self.put(body=body, ChecksumMD5=base64.b64encode(hashlib.md5(body).digest()).decode())
        self.assertEqual(self.get(), body)

    def test_metadata(self):
        metadata = {"colour": "deep  blue", "list": "a,b", "empty": "", "percent": "100%25 +"}
        self.put(Metadata=metadata)
        self.assertEqual(self.head()["Metadata"], metadata)

    def test_the_headers_that_an_object_keeps(self):
        kept = {
            "CacheControl": "max-age=60, public",
            "ContentDisposition": 'attachment; filename="a  b+c%d.txt"',
            "ContentEncoding": "gzip",
            "ContentLanguage": "de, en",
            "ContentType": "text/x-test; charset=utf-8",
        }
        self.put(**kept, Expires=datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))
        head = self.head()
        self.assertEqual({name: head[name] for name in kept}, kept)

    def test_the_answers_headers_are_chosen(self):
        self.put()
        chosen = self.s3.get_object(
            Bucket=self.bucket,
            Key=HARD_KEY,
            ResponseContentDisposition='attachment; filename="a b+c.txt"',
            ResponseContentType="text/x-chosen",
            ResponseCacheControl="no-cache",
            ResponseExpires=datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        )
        self.assertEqual(chosen["ContentType"], "text/x-chosen")
        self.assertEqual(chosen["ContentDisposition"], 'attachment; filename="a b+c.txt"')

    def test_ranges(self):
        body = content(10_000)
        self.put(body=body)
        self.assertEqual(self.get(Range="bytes=100-199"), body[100:200])
        self.assertEqual(self.get(Range="bytes=9000-"), body[9000:])
        self.assertEqual(self.get(Range="bytes=-10"), body[-10:])
        self.refused(416, self.get, Range="bytes=10000-")

    def test_conditions_of_a_read(self):
        etag = self.put()["ETag"]
        self.assertEqual(self.get(IfMatch=etag), b"content")
        self.refused(412, self.get, IfMatch='"other"')
        self.refused(304, self.get, IfNoneMatch=etag)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.refused(304, self.get, IfModifiedSince=now + datetime.timedelta(seconds=-1, days=0) + datetime.timedelta(seconds=1))
        self.assertEqual(self.get(IfUnmodifiedSince=now + datetime.timedelta(days=1)), b"content")

    def test_conditions_of_a_write(self):
        self.put(IfNoneMatch="*")
        self.refused(412, self.put, IfNoneMatch="*")

    def test_an_object_is_deleted(self):
        self.put()
        self.s3.delete_object(Bucket=self.bucket, Key=HARD_KEY)
        self.refused(404, self.head)
        self.refused(404, self.get)

    def test_several_objects_are_deleted_at_once(self):
        for key in KEYS:
            self.put(key)
        gone = {"Objects": [{"Key": key} for key in KEYS]}
        self.assertEqual(len(self.s3.delete_objects(Bucket=self.bucket, Delete=gone)["Deleted"]), len(KEYS))
        self.assertEqual(self.names(), [])

    def test_an_object_has_an_acl(self):
        self.put(ACL="public-read")
        self.assertEqual(len(self.s3.get_object_acl(Bucket=self.bucket, Key=HARD_KEY)["Grants"]), 2)
        self.s3.put_object_acl(Bucket=self.bucket, Key=HARD_KEY, ACL="private")
        self.assertEqual(len(self.s3.get_object_acl(Bucket=self.bucket, Key=HARD_KEY)["Grants"]), 1)

    def test_an_object_has_grants(self):
        self.put(GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers", id="tests"')
        self.s3.get_object_acl(Bucket=self.bucket, Key=HARD_KEY)

    def test_an_object_has_tags(self):
        tags = [{"Key": "colour", "Value": "deep blue+"}, {"Key": "k", "Value": ""}]
        self.put()
        self.s3.put_object_tagging(Bucket=self.bucket, Key=HARD_KEY, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key=HARD_KEY)["TagSet"], tags)
        self.s3.delete_object_tagging(Bucket=self.bucket, Key=HARD_KEY)
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key=HARD_KEY)["TagSet"], [])

    def test_an_object_is_put_with_tags(self):
        self.put(Tagging="colour=deep%20blue%2B&k=v")
        tags = {tag["Key"]: tag["Value"] for tag in self.s3.get_object_tagging(Bucket=self.bucket, Key=HARD_KEY)["TagSet"]}
        self.assertEqual(tags, {"colour": "deep blue+", "k": "v"})

    def test_an_object_has_a_storage_class(self):
        self.put(StorageClass="STANDARD")
        self.head()

    def test_attributes_of_an_object(self):
        self.put()
        self.s3.get_object_attributes(Bucket=self.bucket, Key=HARD_KEY, ObjectAttributes=["ETag", "ObjectSize"])

    def test_encryption_with_the_clients_key(self):
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": content(32)}
        self.put(body=content(70_001), **copy.copy(key))
        self.assertEqual(self.get(**copy.copy(key)), content(70_001))
        self.refused(400, self.get)

    def test_encryption_with_a_named_key(self):
        self.put(ServerSideEncryption="aws:kms", SSEKMSKeyId="testkey-1")
        self.assertEqual(self.get(), b"content")

    def test_encryption_with_a_key_of_the_stores(self):
        self.put(ServerSideEncryption="AES256")
        self.assertEqual(self.get(), b"content")

    def test_restore_of_an_object(self):
        self.put()
        self.s3.restore_object(Bucket=self.bucket, Key=HARD_KEY, RestoreRequest={"Days": 1})

    def test_a_query_of_an_objects_rows(self):
        self.put("rows.csv", b"a,1\nb,2\n")
        answer = self.s3.select_object_content(
            Bucket=self.bucket,
            Key="rows.csv",
            ExpressionType="SQL",
            Expression="select _1 from stdin;",
            InputSerialization={"CSV": {"FieldDelimiter": ",", "RecordDelimiter": "\n"}, "CompressionType": "NONE"},
            OutputSerialization={"CSV": {}},
        )
        rows = b"".join(event["Records"]["Payload"] for event in answer["Payload"] if "Records" in event)
        self.assertIn(b"b", rows)

    # Copies

    def test_an_object_is_copied(self):
        self.put(PERCENT_KEY, Metadata={"colour": "blue"})
        self.copy()
        self.assertEqual((self.get(), self.head()["Metadata"]), (b"content", {"colour": "blue"}))

    def test_an_object_is_copied_by_a_written_source(self):
        self.put("a b.txt")
        self.copy(CopySource=f"/{self.bucket}/a%20b.txt")
        self.assertEqual(self.get(), b"content")

    def test_a_copy_has_other_metadata(self):
        self.put(PERCENT_KEY, Metadata={"colour": "blue"})
        self.copy(MetadataDirective="REPLACE", Metadata={"colour": "red"}, ContentType="text/x-test")
        self.assertEqual(self.head()["Metadata"], {"colour": "red"})

    def test_a_copy_has_conditions(self):
        etag = self.put(PERCENT_KEY)["ETag"]
        self.copy(CopySourceIfMatch=etag)
        self.refused(412, self.copy, CopySourceIfNoneMatch=etag)

    def test_a_copy_goes_to_another_bucket(self):
        self.put(PERCENT_KEY)
        other = self.make_bucket(self.bucket + "-other")
        self.copy(Bucket=other)
        self.assertEqual(self.s3.get_object(Bucket=other, Key=HARD_KEY)["Body"].read(), b"content")
