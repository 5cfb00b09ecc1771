#!/bin/sh
# reply.sh URL EVENT JSON [KEY]: says on a reply channel how a job stands: EVENT is progress, done or error.
# The URL came from a page. So only its path and query are used, at the server that we know: it cannot send us elsewhere.
set -eu
path=/${1#*://*/} event=$2 data=$3
key=${4:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=$(
	# The URL lets who has it publish, so it comes by standard input: arguments can be read by every user of the machine.
	printf 'url = "%s"\n' "$TIDINGS_URL$path" |
		curl --config - --silent --show-error --max-time 15 --retry 5 --retry-all-errors --retry-max-time 60 \
			--header 'Content-Type: application/json' --output "$answer" --write-out '%{http_code}' \
			--data-binary "{\"event\": \"$event\", \"data\": $data, \"idempotencyKey\": \"$key\"}"
)
if [ "$status" != 200 ]; then # channel_closed, channel_expired, forbidden …
	cat "$answer" >&2
	exit 1
fi
