import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** What a reply says, and the commands that it has run first, one a reply. */
export interface ModelScript {
  commands: string[];
  text: string;
}

/**
 * An OpenAI-compatible provider on loopback, for what has to go over a network. The first requests are answered with
 * calls of the bash tool, the rest with the text.
 */
export class ModelServer {
  readonly requests: { headers: IncomingHttpHeaders; url: string; body: string }[] = [];
  readonly port: number;
  readonly #close: () => void;

  private constructor(port: number, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  static async start(script: ModelScript): Promise<ModelServer> {
    const commands = [...script.commands];
    const server = createServer((request, response) => {
      const received = { headers: request.headers, url: request.url ?? "", body: "" };
      model.requests.push(received);
      request.setEncoding("utf8").on("data", (chunk: string) => {
        received.body += chunk;
      });
      request.once("end", () => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const command = commands.shift();
        const delta =
          command === undefined
            ? { role: "assistant", content: script.text }
            : {
                role: "assistant",
                tool_calls: [
                  {
                    index: 0,
                    id: `call-${commands.length}`,
                    type: "function",
                    function: { name: "bash", arguments: JSON.stringify({ command }) },
                  },
                ],
              };
        const send = (choice: unknown, usage?: unknown) =>
          response.write(
            `data: ${JSON.stringify({ id: "r", object: "chat.completion.chunk", created: 0, model: "m", choices: [choice], usage })}\n\n`,
          );
        send({ index: 0, delta, finish_reason: null });
        send(
          { index: 0, delta: {}, finish_reason: command === undefined ? "stop" : "tool_calls" },
          { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        );
        response.end("data: [DONE]\n\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const model = new ModelServer((server.address() as AddressInfo).port, () => {
      server.closeAllConnections();
      server.close();
    });
    return model;
  }

  close(): void {
    this.#close();
  }
}
