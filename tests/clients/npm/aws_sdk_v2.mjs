// `node aws_sdk_v2.mjs VERSION VERB [ARGUMENT…]`: what the tests ask of aws-sdk, AWS's second SDK for JavaScript.
//
// VERSION is of the signature process, "v2" or "v4". The endpoint, the region and the key are in the environment; objects are
// read from standard input and written to standard output.

import { buffer } from "node:stream/consumers";

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const { default: AWS } = await import("aws-sdk");

const PART_SIZE = 5 * 1024 * 1024;
const [version, verb, Bucket, Key, ...rest] = process.argv.slice(2);
const client = new AWS.S3({
  endpoint: process.env.AWS_ENDPOINT_URL,
  s3ForcePathStyle: true,
  signatureVersion: version === "v2" ? "s3" : "v4",
  maxRetries: 0,
});

const verbs = {
  "make-bucket": () => client.createBucket({ Bucket }).promise(),
  "remove-bucket": () => client.deleteBucket({ Bucket }).promise(),
  "buckets": async () => (await client.listBuckets().promise()).Buckets.forEach(({ Name }) => console.log(Name)),
  "put": async () => client.putObject({ Bucket, Key, Body: await buffer(process.stdin) }).promise(),
  "put-parts": async () => upload(await buffer(process.stdin)),
  "put-stream": () => upload(process.stdin),
  "get": () => read(),
  "get-from": () => read(`bytes=${rest[0]}-`),
  "head": async () => console.log(JSON.stringify(await client.headObject({ Bucket, Key }).promise())),
  "keys": async () => {
    const { Contents } = await client.listObjectsV2({ Bucket }).promise();
    Contents.forEach(({ Key }) => console.log(Key));
  },
  "copy": () => {
    const CopySource = encodeURI(`/${Bucket}/${Key}`).replaceAll("+", "%2B");
    return client.copyObject({ Bucket, Key: rest[0], CopySource }).promise();
  },
  "delete": () => client.deleteObject({ Bucket, Key }).promise(),
  "delete-several": () => {
    const Objects = [Key, ...rest].map((Key) => ({ Key }));
    return client.deleteObjects({ Bucket, Delete: { Objects } }).promise();
  },
  // The parameters that the operation has more, as JSON.
  "presign": () => {
    const [operation, more] = rest;
    console.log(client.getSignedUrl(operation, { Bucket, Key, Expires: 60, ...JSON.parse(more ?? "{}") }));
  },
};

function upload(Body) {
  return client.upload({ Bucket, Key, Body }, { partSize: PART_SIZE, queueSize: 2 }).promise();
}

async function read(Range) {
  const { Body } = await client.getObject({ Bucket, Key, Range }).promise();
  process.stdout.write(Body);
}

await verbs[verb]();
