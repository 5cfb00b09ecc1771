#!/bin/sh
# publish.sh CHANNEL JSON [KEY]: publishes one message and prints its position.
# curl repeats the request after a failed connection and after 408, 429 and 5xx; the idempotency key makes that safe.
set -eu
channel=$1 data=$2
key=${3:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=$(
	# The API key comes by standard input: arguments can be read by every user of the machine.
	printf 'header = "Authorization: Bearer %s"\n' "$TIDINGS_API_KEY" |
		curl --config - --silent --show-error --max-time 15 --retry 5 --retry-all-errors --retry-max-time 60 \
			--header 'Content-Type: application/json' --output "$answer" --write-out '%{http_code}' \
			--data-binary "{\"channel\": \"$channel\", \"data\": $data, \"idempotencyKey\": \"$key\"}" \
			"$TIDINGS_URL/api/publish"
)
if [ "$status" != 200 ]; then
	cat "$answer" >&2
	exit 1
fi
sed -E 's/.*"epoch":"([^"]*)","offset":([0-9]*),"tag":"([^"]*)".*/\1:\2:\3/' "$answer" | xargs echo
