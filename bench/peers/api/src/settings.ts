/** What the benchmark hands to each server in its environment. */
function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is missing`);
  return value;
}

export const settings = {
  databaseUrl: required("DATABASE_URL"),
  port: Number(required("API_PORT")),
  serviceToken: required("SLUICE_SERVICE_TOKEN"),
  accessKey: Buffer.from(required("BENCH_ACCESS_KEY"), "hex"),
  lookupKey: Buffer.from(required("BENCH_LOOKUP_KEY"), "hex"),
  sealingKey: Buffer.from(required("BENCH_SEALING_KEY"), "hex"),
};
