import { isRetryableAssistantError } from "@earendil-works/pi-ai/utils/retry";

type Failed = Parameters<typeof isRetryableAssistantError>[0];

/** Whether pi itself would try again after this error of a provider: a broken connection, overload, a rate limit. */
export function isTransientError(errorMessage: string | undefined): boolean {
  return isRetryableAssistantError({ stopReason: "error", errorMessage } as Failed);
}
