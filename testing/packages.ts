/**
 * Files of npm packages that only tests need; see `tools/packages/`.
 * @module
 */

const HOME = new URL("../tools/packages/", import.meta.url);

/**
 * Folders of the packages, fetched where they are not cached.
 * @throws {Error} They cannot be had; the text says why.
 */
export async function packageFolders(): Promise<Readonly<Record<string, URL>>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--frozen", "--allow-read", "--allow-env", "--allow-sys", "main.ts"],
    cwd: HOME,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (code !== 0) throw new Error(`fetching packages for tests: ${text(stderr)}`);
  const found = JSON.parse(text(stdout)) as Readonly<Record<string, string>>;
  return Object.fromEntries(Object.entries(found).map(([name, folder]) => [name, new URL(folder)]));
}
