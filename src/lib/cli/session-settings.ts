import type { PassedThrough } from "../protocol/requests.ts";
import type { PiState } from "./pi-data.ts";

export type SettingValue = string | null;

interface Setting {
  values: readonly string[];
  /** What pi tells of it; null where it tells nothing. */
  read: (state: PiState) => SettingValue;
  /** The command that sets it, with its field. */
  command: (value: string) => { type: PassedThrough; [field: string]: unknown };
}

const MODES = ["all", "one-at-a-time"];
const SWITCH = ["on", "off"];

/** The settings of a running pi that its RPC can change, under the names that a shell gives them. */
export const sessionSettings: Readonly<Record<string, Setting>> = {
  "steering-mode": {
    values: MODES,
    read: ({ steeringMode }) => steeringMode,
    command: (mode) => ({ type: "set_steering_mode", mode }),
  },
  "follow-up-mode": {
    values: MODES,
    read: ({ followUpMode }) => followUpMode,
    command: (mode) => ({ type: "set_follow_up_mode", mode }),
  },
  "auto-compaction": {
    values: SWITCH,
    read: ({ autoCompactionEnabled }) => (autoCompactionEnabled ? "on" : "off"),
    command: (value) => ({ type: "set_auto_compaction", enabled: value === "on" }),
  },
  "auto-retry": {
    values: SWITCH,
    read: () => null,
    command: (value) => ({ type: "set_auto_retry", enabled: value === "on" }),
  },
};
