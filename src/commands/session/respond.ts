import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";

export default class SessionRespond extends BaseCommand<typeof SessionRespond> {
  static override summary = "Answer the question that a session waits with";
  static override description =
    "A choice is given by its text or its number, a confirmation as yes or no, anything else as the text. Without an answer the open question is shown; exit code 4 says that there is none.";
  static override examples = [
    "<%= config.bin %> session respond",
    "<%= config.bin %> session respond -s review yes",
    '<%= config.bin %> session respond -s review "Allow"',
    "<%= config.bin %> session respond --cancel",
  ];
  static override textArguments = true;
  static override args = { answer: Args.string({ description: "The answer" }) };
  static override flags = {
    session: sessionFlag,
    cancel: Flags.boolean({ description: "Decline the question" }),
    question: Flags.string({
      description: "Id of the question, when several are open (default: the oldest)",
      helpValue: "<id>",
    }),
  };

  async run(): Promise<void> {
    const { cancel, question: questionId, session } = this.flags;
    const target = targetFrom(session);
    const client = await this.connect();
    await this.refuseSessionWord(client, [this.args.answer], "session respond", "the answer");
    const { findQuestion, toAnswer, renderQuestion } = await import("../../lib/cli/respond.ts");
    const { session: info } = await client.request("get_session", target);
    const question = findQuestion(info, questionId);
    if (this.args.answer === undefined && !cancel) {
      await this.show({ sessionId: info.id, question }, () => renderQuestion(info, question));
      return;
    }
    const answer = toAnswer(question, cancel ? undefined : this.args.answer);
    const result = await client.request("respond", { sessionId: info.id, questionId: question.id, answer });
    await this.show({ ...result, answer }, () => (cancel ? "declined\n" : "answered\n"));
  }
}
