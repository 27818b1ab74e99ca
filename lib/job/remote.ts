export async function runRemote(): Promise<{sentBytes: number, receivedBytes: number}> { return await Promise.reject(new Error("later")); }
