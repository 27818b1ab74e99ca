// @ts-nocheck
export { hash128 } from "./xxh3";
