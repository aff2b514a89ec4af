// `node aws4fetch.mjs METHOD URL [HEADER…]`: one request of aws4fetch, with its defaults; "sign METHOD URL" only presigns it.
//
// The region and the key are in the environment; the body is read from standard input, the answer's written to standard output.

import { buffer } from "node:stream/consumers";
import { AwsClient } from "aws4fetch";

const client = new AwsClient({
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  region: process.env.AWS_REGION,
  service: "s3",
  // It does not try again, which would hide a failure.
  retries: 0,
});
const words = process.argv.slice(2);

if (words[0] === "sign") {
  const [, method, url] = words;
  console.log((await client.sign(url, { method, aws: { signQuery: true } })).url);
} else {
  const [method, url, ...fields] = words;
  const headers = Object.fromEntries(fields.map((field) => field.split(": ")));
  const body = method === "PUT" || method === "POST" ? await buffer(process.stdin) : undefined;
  const answer = await client.fetch(url, { method, headers, body });
  process.stdout.write(Buffer.from(await answer.arrayBuffer()));
  process.exitCode = answer.ok ? 0 : 1;
}
