import { PromptCommand } from "../../lib/cli/prompt/prompt-command.ts";

export default class SessionPrompt extends PromptCommand {
  static override examples = [
    '<%= config.bin %> session prompt -s review "now the second file"',
    '<%= config.bin %> session prompt --detach --new "run the whole benchmark and write it up"',
  ];
}
