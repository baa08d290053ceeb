import { PromptCommand } from "../lib/cli/prompt/prompt-command.ts";

export default class Prompt extends PromptCommand {
  static override examples = [
    '<%= config.bin %> prompt "fix the tests"',
    'git diff | <%= config.bin %> prompt "review this"',
    '<%= config.bin %> prompt "what is this" @shot.png @notes.md',
    "<%= config.bin %> prompt",
    '<%= config.bin %> prompt --model scripted/echo "remember 42"',
    '<%= config.bin %> prompt --new --name docs --timeout 10m --format json "write the README" > answer.json',
  ];
}
