/**
 * The limit to measure against: a client in C on hiredis, compiled where a compiler and the library are.
 * @module
 */

const WANTED = "(Debian: apt-get install gcc libhiredis-dev); what is measured against it is left out";

/** Compiles it into a temporary folder. @returns The program; null where it cannot be had, which is told. */
export async function compileCClient(say: (text: string) => void): Promise<string | null> {
  const source = new URL("c_client.c", import.meta.url).pathname;
  const program = `${await Deno.makeTempDir({ prefix: "bench-" })}/c_client`;
  try {
    const args = ["-O2", source, "-lhiredis", "-o", program];
    const { success, stderr } = await new Deno.Command("cc", { args, stdout: "null", stderr: "piped" }).output();
    if (success) return program;
    say(`No C client: ${new TextDecoder().decode(stderr).split("\n")[0]} ${WANTED}`);
  } catch (error) {
    say(`No C client: ${error instanceof Error ? error.message : error} ${WANTED}`);
  }
  return null;
}
