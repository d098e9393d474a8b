"""Holds a vote and reads its result, with nothing but Python's standard library, over HTTP or stdio:

    python3 examples/clients/python/client.py http://127.0.0.1:7717/mcp
    python3 examples/clients/python/client.py node dist/cli.js serve
"""

import json
import os
import subprocess
import sys
import urllib.request

PROTOCOL = "2025-11-25"


class Http:
    """MCP over Streamable HTTP: one POST a message, and a session that the server names."""

    def __init__(self, url):
        self.url = url
        self.headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        token = os.environ.get("BATON_TOKEN")
        if token:
            self.headers["authorization"] = "Bearer " + token

    def send(self, message):
        body = json.dumps(message).encode()
        request = urllib.request.Request(self.url, body, self.headers, method="POST")
        with urllib.request.urlopen(request, timeout=120) as response:
            session = response.headers.get("mcp-session-id")
            if session:
                self.headers["mcp-session-id"] = session
            return [json.loads(text) for text in self.messages(response)]

    @staticmethod
    def messages(response):
        """The messages of a response: one JSON text, or the data lines of an event stream."""
        if "text/event-stream" not in response.headers.get("content-type", ""):
            text = response.read().decode()
            return [text] if text.strip() else []
        lines = (line.decode().rstrip("\r\n") for line in response)
        return [line[5:].strip() for line in lines if line.startswith("data:") and line[5:].strip()]

    def close(self):
        request = urllib.request.Request(self.url, headers=self.headers, method="DELETE")
        urllib.request.urlopen(request, timeout=10).close()


class Stdio:
    """MCP over a child's stdin and stdout: one line a message."""

    def __init__(self, command):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
        )

    def send(self, message):
        self.child.stdin.write(json.dumps(message) + "\n")
        self.child.stdin.flush()
        received = []
        while "id" in message and not any(one.get("id") == message["id"] for one in received):
            line = self.child.stdout.readline()
            if not line:
                raise SystemExit("the server has gone")
            received.append(json.loads(line))
        return received

    def close(self):
        self.child.stdin.close()
        self.child.wait(timeout=20)


class Client:
    def __init__(self, transport):
        self.transport = transport
        self.count = 0
        self.request(
            "initialize",
            {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "example", "version": "1.0.0"}},
        )
        transport.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method, params):
        self.count += 1
        message = {"jsonrpc": "2.0", "id": self.count, "method": method, "params": params}
        answer = next(one for one in self.transport.send(message) if one.get("id") == self.count)
        if "error" in answer:
            raise SystemExit(answer["error"]["message"])
        return answer["result"]

    def call(self, tool, **arguments):
        return self.request("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]


def main(target):
    client = Client(Http(target[0]) if target[0].startswith("http") else Stdio(target))
    told = client.call(
        "consensus_vote",
        question="May this change be released on a Friday?",
        options=["yes", "no"],
        voters=["critic", "judge", {"agent": "writer", "instructions": "You are on call this weekend."}],
        context=[{"text": "The change renames one label in the settings page. It has been tested for a week."}],
        budget={"usd": 0.5},
        wait_seconds=1,
    )
    while told["status"] in ("queued", "running"):
        told = client.call("get_run", run_id=told["run_id"], wait_seconds=25)
    print(told["run_id"], told["status"], "$%s" % told["usage"]["usd"])
    output = told.get("output") or {}
    print("decision:", output.get("decision"), "by", output.get("decided_by"), output.get("tally"))
    for vote in output.get("dissent", []):
        print("dissent:", vote["voter"], vote["choice"], vote["confidence"])
    client.transport.close()
    return 0 if told["status"] == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["http://127.0.0.1:7717/mcp"]))
