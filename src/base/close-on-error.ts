/** What is made of something open; where that fails, it is closed before the error goes on. */
export async function closedOnError<Made>(
  open: { close(): void | Promise<void> },
  make: () => Made | Promise<Made>,
): Promise<Made> {
  try {
    return await make();
  } catch (error) {
    await open.close();
    throw error;
  }
}
