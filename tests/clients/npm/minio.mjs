// `node minio.mjs VERB [ARGUMENT…]`: what the tests ask of minio, the SDK for JavaScript, with its defaults.
//
// The endpoint, the region and the key are in the environment; objects are read from standard input and written to standard output.

import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import { Client, CopyConditions } from "minio";

const { hostname: endPoint, port } = new URL(process.env.AWS_ENDPOINT_URL);
const client = new Client({
  endPoint,
  port: Number(port),
  useSSL: false,
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
  region: process.env.AWS_REGION,
  // It does not try again, which would hide a failure.
  retryOptions: { disableRetry: true },
});
const [verb, bucket, key, ...rest] = process.argv.slice(2);

const verbs = {
  "make-bucket": () => client.makeBucket(bucket),
  "remove-bucket": () => client.removeBucket(bucket),
  "buckets": async () => (await client.listBuckets()).forEach(({ name }) => console.log(name)),
  "put": async () => client.putObject(bucket, key, await buffer(process.stdin), undefined, metadata()),
  "get": async () => pipeline(await client.getObject(bucket, key), process.stdout),
  "get-from": async () => pipeline(await client.getPartialObject(bucket, key, Number(rest[0])), process.stdout),
  "stat": async () => console.log(JSON.stringify(await client.statObject(bucket, key))),
  "keys": () => names(client.listObjectsV2(bucket, "", true)),
  "keys-v1": () => names(client.listObjects(bucket, "", true)),
  // MinIO's own extension of the listing: `metadata=true` beside `list-type=2`.
  "keys-with-metadata": () => names(client.extensions.listObjectsV2WithMetadata(bucket, "", true)),
  "copy": () => client.copyObject(bucket, rest[0], `/${bucket}/${key}`, new CopyConditions()),
  "delete": () => client.removeObject(bucket, key),
  "delete-several": () => client.removeObjects(bucket, [key, ...rest]),
  "presign-get": async () => console.log(await client.presignedGetObject(bucket, key, 60)),
  "presign-put": async () => console.log(await client.presignedPutObject(bucket, key, 60)),
};

// JSON, where the verb is given some.
function metadata() {
  return JSON.parse(rest[0] ?? "{}");
}

async function names(listing) {
  for await (const { name } of listing) {
    console.log(name);
  }
}

await verbs[verb]();
