#!/bin/sh
# Asks one agent over HTTP with nothing but curl and sed:
#   sh examples/clients/curl/client.sh http://127.0.0.1:7717/mcp
set -eu

url=${1:-http://127.0.0.1:7717/mcp}
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT

# Sends one message; an answer may come as an event stream, and then its JSON stands behind "data:".
post() {
  answer=$(curl -sS --fail-with-body --max-time 120 "$url" \
    -H 'content-type: application/json' \
    -H 'accept: application/json, text/event-stream' \
    ${session:+-H "mcp-session-id: $session"} \
    ${BATON_TOKEN:+-H "authorization: Bearer $BATON_TOKEN"} \
    -D "$headers" -d "$1")
  printf '%s\n' "$answer" | sed -n -e 's/^data: *//' -e '/^{/p'
}

session=
post '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}' >/dev/null
session=$(sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: *\([^[:space:]]*\).*/\1/p' "$headers")
post '{"jsonrpc":"2.0","method":"notifications/initialized"}'

post '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"run_agent","arguments":{
  "agent":"writer","task":"Say in one sentence what a baton is.","wait_seconds":25}}}'

curl -sS -X DELETE "$url" -H "mcp-session-id: $session" ${BATON_TOKEN:+-H "authorization: Bearer $BATON_TOKEN"} >/dev/null
