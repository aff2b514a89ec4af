"""Buckets, what is set for them, their listings and versions."""

import datetime
import json

from contract import HARD_KEY, fetch
from features.feature import Feature


class Buckets(Feature):
    def test_buckets_are_listed(self):
        self.assertIn(self.bucket, [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]])
        # There are others' in the list.
        del self.answers[self.id()][-1]

    def test_a_bucket_is_asked_for(self):
        self.s3.head_bucket(Bucket=self.bucket)
        self.refused(404, self.s3.head_bucket, Bucket=self.bucket + "-no")

    def test_a_bucket_has_a_location(self):
        self.s3.get_bucket_location(Bucket=self.bucket)

    def test_a_bucket_has_an_acl(self):
        self.s3.put_bucket_acl(Bucket=self.bucket, ACL="public-read")
        self.assertEqual(len(self.s3.get_bucket_acl(Bucket=self.bucket)["Grants"]), 2)

    def test_a_bucket_has_an_acl_in_a_document(self):
        acl = self.s3.get_bucket_acl(Bucket=self.bucket)
        self.s3.put_bucket_acl(Bucket=self.bucket, AccessControlPolicy={name: acl[name] for name in ["Grants", "Owner"]})

    def test_a_bucket_has_tags(self):
        tags = [{"Key": "colour", "Value": "deep blue+"}]
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], tags)
        self.s3.delete_bucket_tagging(Bucket=self.bucket)

    def test_a_bucket_has_cors_rules(self):
        rules = [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://example.com"], "MaxAgeSeconds": 60}]
        self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": rules})
        self.assertEqual(len(self.s3.get_bucket_cors(Bucket=self.bucket)["CORSRules"]), 1)
        self.put()
        answer, _ = fetch("GET", self.presign("get_object"), headers={"Origin": "https://example.com"})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://example.com")
        self.s3.delete_bucket_cors(Bucket=self.bucket)

    def test_a_bucket_has_a_policy(self):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy)
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=self.bucket)["Policy"]), json.loads(policy))
        self.s3.delete_bucket_policy(Bucket=self.bucket)

    def test_a_bucket_has_a_policy_status(self):
        self.s3.get_bucket_policy_status(Bucket=self.bucket)

    def test_a_bucket_has_a_lifecycle(self):
        rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 30}}
        self.s3.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration={"Rules": [rule]})
        self.assertEqual(self.s3.get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"][0]["ID"], "old")
        self.s3.delete_bucket_lifecycle(Bucket=self.bucket)

    def test_a_bucket_has_a_website(self):
        website = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
        self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration=website)
        self.assertEqual(self.s3.get_bucket_website(Bucket=self.bucket)["IndexDocument"]["Suffix"], "index.html")
        self.s3.delete_bucket_website(Bucket=self.bucket)

    def test_a_bucket_is_encrypted_by_default(self):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        self.s3.get_bucket_encryption(Bucket=self.bucket)

    def test_a_buckets_public_access_is_blocked(self):
        block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
        self.s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=block)
        self.assertEqual(self.s3.get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"], block)
        self.s3.delete_public_access_block(Bucket=self.bucket)

    def test_a_buckets_requester_pays(self):
        self.s3.put_bucket_request_payment(Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "Requester"})
        self.assertEqual(self.s3.get_bucket_request_payment(Bucket=self.bucket)["Payer"], "Requester")

    def test_a_buckets_notifications_are_read(self):
        self.s3.get_bucket_notification_configuration(Bucket=self.bucket)

    def test_a_buckets_log_is_asked_for(self):
        self.s3.get_bucket_logging(Bucket=self.bucket)

    def test_a_buckets_replication_is_asked_for(self):
        self.s3.get_bucket_replication(Bucket=self.bucket)

    def test_a_buckets_acceleration_is_asked_for(self):
        self.s3.get_bucket_accelerate_configuration(Bucket=self.bucket)

    def test_a_buckets_ownership_is_asked_for(self):
        self.s3.put_bucket_ownership_controls(
            Bucket=self.bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        )

    def test_a_bucket_is_removed_when_it_is_empty(self):
        other = self.bucket + "-other"
        self.s3.create_bucket(Bucket=other)
        self.s3.put_object(Bucket=other, Key="key", Body=b"-")
        self.refused(409, self.s3.delete_bucket, Bucket=other)
        self.s3.delete_object(Bucket=other, Key="key")
        self.s3.delete_bucket(Bucket=other)

    # Listings

    def fill(self):
        for key in ["a/1", "a/2", "b c/+3", "b c/%4", "é", HARD_KEY]:
            self.put(key)

    def test_a_listing_in_pages(self):
        self.fill()
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, PaginationConfig={"PageSize": 2})
        names = [found["Key"] for page in pages for found in page["Contents"]]
        self.assertEqual(sorted(names), sorted(["a/1", "a/2", "b c/+3", "b c/%4", "é", HARD_KEY]))

    def test_the_first_listing_in_pages(self):
        self.fill()
        pages = self.s3.get_paginator("list_objects").paginate(Bucket=self.bucket, PaginationConfig={"PageSize": 2})
        names = [found["Key"] for page in pages for found in page["Contents"]]
        self.assertEqual(sorted(names), sorted(["a/1", "a/2", "b c/+3", "b c/%4", "é", HARD_KEY]))

    def test_a_listing_of_a_prefix(self):
        self.fill()
        listing = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="b c/", Delimiter="/")
        self.assertEqual([found["Key"] for found in listing["Contents"]], ["b c/%4", "b c/+3"])
        listing = self.s3.list_objects_v2(Bucket=self.bucket, Delimiter="/")
        self.assertIn("b c/", [found["Prefix"] for found in listing["CommonPrefixes"]])

    def test_a_listing_after_a_key(self):
        self.fill()
        self.assertNotIn("a/1", self.names(StartAfter="a/1", FetchOwner=True))
        self.assertIn("b c/+3", self.names(StartAfter="b c/%4"))

    def test_a_listing_in_the_urls_words(self):
        self.fill()
        # boto3 decodes the names of its own accord only where it asked for them unbidden.
        listing = self.s3.list_objects_v2(Bucket=self.bucket, EncodingType="url")
        self.assertIn("b%20c%2F%2B3", [found["Key"] for found in listing["Contents"]])

    def test_a_listing_of_versions(self):
        self.fill()
        self.assertEqual(len(self.s3.list_object_versions(Bucket=self.bucket, Prefix="a/")["Versions"]), 2)

    # Versions and locks

    def test_versions(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=self.bucket)["Status"], "Enabled")
        first, second = self.put(body=b"first")["VersionId"], self.put(body=b"second")["VersionId"]
        self.assertEqual((self.get(VersionId=first), self.get(VersionId=second)), (b"first", b"second"))
        marker = self.s3.delete_object(Bucket=self.bucket, Key=HARD_KEY)["VersionId"]
        self.refused(404, self.get)
        self.s3.delete_object(Bucket=self.bucket, Key=HARD_KEY, VersionId=marker)
        self.copy(CopySource={"Bucket": self.bucket, "Key": HARD_KEY, "VersionId": first}, Key="first again")
        self.assertEqual(self.get("first again"), b"first")
        gone = {"Objects": [{"Key": HARD_KEY, "VersionId": second}]}
        self.s3.delete_objects(Bucket=self.bucket, Delete=gone)
        self.assertEqual(self.get(), b"first")

    def test_a_locked_bucket(self):
        locked = self.bucket + "-lock"
        self.s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        self.s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=lock)
        self.assertEqual(self.s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]["Rule"], rule)
        body = {"Bucket": locked, "Key": HARD_KEY}
        version = self.s3.put_object(**body, Body=b"-")["VersionId"]
        until = datetime.datetime(2090, 1, 1, tzinfo=datetime.timezone.utc)
        self.s3.put_object_retention(**body, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
        self.assertEqual(self.s3.get_object_retention(**body)["Retention"]["Mode"], "GOVERNANCE")
        self.s3.put_object_legal_hold(**body, LegalHold={"Status": "ON"})
        self.assertEqual(self.s3.get_object_legal_hold(**body)["LegalHold"]["Status"], "ON")
        self.refused(403, self.s3.delete_object, **body, VersionId=version)
        self.s3.put_object_legal_hold(**body, LegalHold={"Status": "OFF"})
        self.s3.delete_object(**body, VersionId=version, BypassGovernanceRetention=True)
