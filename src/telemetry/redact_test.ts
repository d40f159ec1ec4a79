import assert from "node:assert/strict";
import fc from "fast-check";
import { CUT, isSecretName, Redactor } from "./redact.ts";

Deno.test("a secret is replaced wherever it stands in a text", () => {
  const redactor = new Redactor(["hunter2!"]);
  assert.equal(redactor.text("AUTH hunter2! failed, hunter2!"), "AUTH *** failed, ***");
});

Deno.test("a secret is found URL-encoded and JSON-escaped, as other libraries print it", () => {
  const secret = 'p@ss "w\\rd"/ü&$';
  const redactor = new Redactor([secret]);
  const url = new URL("redis://host");
  url.password = secret;
  const forms = [
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    new URLSearchParams({ secret }).toString().slice("secret=".length),
    url.password,
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify({ secret })),
  ];
  for (const form of forms) assert.doesNotMatch(redactor.text(`<${form}>`), /w.*rd|%C3|%c3/, form);
});

Deno.test("a secret that begins with another one goes as a whole", () => {
  assert.equal(new Redactor(["abcd", "abcdefgh"]).text("xabcdefghx abcdx"), "x***x ***x");
});

Deno.test("a secret shorter than four characters is replaced only where it is the whole field", () => {
  const redactor = new Redactor(["abc"]);
  assert.equal(redactor.field("abc"), "***");
  assert.equal(redactor.field("abcabc abc"), "abcabc abc");
});

Deno.test("a secret of stars does not come out of its own replacement", () => {
  assert.equal(new Redactor(["****"]).text("*".repeat(9)), "***");
});

Deno.test("an empty secret hides nothing", () => {
  assert.equal(new Redactor(["", " "]).field("a text"), "a text");
});

Deno.test("a secret that is added later is hidden from then on, and the oldest of many is let go", () => {
  const redactor = new Redactor(["configured-one"]);
  assert.equal(redactor.text("rotated-0"), "rotated-0");
  for (let i = 0; i < 100; i++) redactor.add(`rotated-${i};`);
  assert.equal(redactor.text("configured-one rotated-99; rotated-36; rotated-35;"), "*** *** *** rotated-35;");
});

Deno.test("the newline at the end of a password file is no part of the secret", () => {
  assert.equal(new Redactor(["from-a-file\n"]).text("got from-a-file here"), "got *** here");
});

Deno.test("cutting a text leaves no part of a secret at its end", () => {
  const secret = "0123456789abcdef";
  const redactor = new Redactor([secret]);
  fc.assert(fc.property(fc.nat(600), fc.nat(20), (pad, times) => {
    const clean = redactor.bounded("-".repeat(pad) + secret.repeat(times) + "-".repeat(pad), 40);
    assert.match(clean, /^[-*]*(…\[cut\])?$/);
    assert.ok(clean.length <= 40 + CUT.length);
  }));
});

Deno.test("no secret of four characters or more survives in any text", () => {
  const secret = fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom("a", "b", "*", "\\", '"', "%", "é") });
  const text = fc.array(fc.oneof(fc.constant(0), fc.string()), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), text, (secrets, parts) => {
      const redactor = new Redactor(secrets);
      const dirty = parts.map((part) => part === 0 ? secrets.join("") : part).join("");
      for (const one of secrets) assert.ok(!redactor.text(dirty).includes(one));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("fields are secret by name in every usual spelling, and others are not", () => {
  const yes = [
    "password",
    "REDIS_PW",
    "redisPw",
    "pw",
    "apiKey",
    "API_TOKEN",
    "x-api-key",
    "Authorization",
    "passphrase",
  ];
  const alsoYes = [
    "clientSecret",
    "secret",
    "accessToken",
    "Set-Cookie",
    "private_key",
    "credentials",
    "pwd",
    "userPassword",
  ];
  for (const name of [...yes, ...alsoYes]) assert.ok(isSecretName(name), name);
  for (const name of ["orderKey", "key", "type", "compass", "tokenizer", "bypass", "author", "dedupKey", "stream"]) {
    assert.ok(!isSecretName(name), name);
  }
});
