// `node aws_sdk.mjs VERB [ARGUMENT…]`: what the tests ask of @aws-sdk/client-s3, with its defaults.
//
// The endpoint, the region and the key are in the environment; objects are read from standard input and written to standard output.

import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const PART_SIZE = 5 * 1024 * 1024;
const client = new s3.S3Client({});
const [verb, Bucket, Key, ...rest] = process.argv.slice(2);

const verbs = {
  "make-bucket": () => client.send(new s3.CreateBucketCommand({ Bucket })),
  "remove-bucket": () => client.send(new s3.DeleteBucketCommand({ Bucket })),
  "buckets": async () => (await client.send(new s3.ListBucketsCommand({}))).Buckets.forEach(({ Name }) => console.log(Name)),
  "put": async () => client.send(new s3.PutObjectCommand({ Bucket, Key, Body: await buffer(process.stdin) })),
  // One request whose body is a stream, and an upload in parts of a stream whose length nobody knows.
  "put-sized-stream": () => client.send(new s3.PutObjectCommand({ Bucket, Key, Body: process.stdin, ContentLength: Number(rest[0]) })),
  "put-stream": () => new Upload({ client, params: { Bucket, Key, Body: process.stdin } }).done(),
  "put-parts": putParts,
  "get": () => read(),
  "get-from": () => read(`bytes=${rest[0]}-`),
  "head": async () => console.log(JSON.stringify(await client.send(new s3.HeadObjectCommand({ Bucket, Key })))),
  "keys": keys,
  "copy": () => {
    const CopySource = encodeURIComponent(`${Bucket}/${Key}`);
    return client.send(new s3.CopyObjectCommand({ Bucket, Key: rest[0], CopySource }));
  },
  "delete": () => client.send(new s3.DeleteObjectCommand({ Bucket, Key })),
  "delete-several": () => {
    const Objects = [Key, ...rest].map((Key) => ({ Key }));
    return client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  },
  "presign-get": async () => console.log(await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key }), { expiresIn: 60 })),
  // The parameters that the operation has more, as JSON.
  "presign-put": async () => {
    const command = new s3.PutObjectCommand({ Bucket, Key, ...JSON.parse(rest[0] ?? "{}") });
    // It leaves the headers of encryption where they are, unless it is told so.
    const hoistableHeaders = new Set(["x-amz-server-side-encryption"]);
    console.log(await getSignedUrl(client, command, { expiresIn: 60, hoistableHeaders }));
  },
};

async function putParts() {
  const body = await buffer(process.stdin);
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = [];
  for (let start = 0; start < body.length; start += PART_SIZE) {
    const PartNumber = Parts.length + 1;
    const Body = body.subarray(start, start + PART_SIZE);
    const { ETag } = await client.send(new s3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  await client.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}

async function read(Range) {
  const { Body } = await client.send(new s3.GetObjectCommand({ Bucket, Key, Range }));
  await pipeline(Body, process.stdout);
}

async function keys() {
  for await (const page of s3.paginateListObjectsV2({ client }, { Bucket })) {
    (page.Contents ?? []).forEach(({ Key }) => console.log(Key));
  }
}

await verbs[verb]();
