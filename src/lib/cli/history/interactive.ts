export async function searchInteractively(..._args: unknown[]): Promise<void> {}
