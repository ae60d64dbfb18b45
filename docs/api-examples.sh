#!/usr/bin/env bash
# Asks a sidecar everything that docs/http.md shows, and prints the commands with their answers. TestTheAnswersAreReal runs it.
#
#   docs/api-examples.sh URL MANIFEST TOKEN
#
# MANIFEST is a file that the sidecar reads: after a touch the next LIST waits until the file has settled, so that a refresh can be met in
# progress. TOKEN is one that the sidecar accepts; its --rate-limit is 2s.
set -euo pipefail
url=$1 manifest=$2 token=$3
api=$url/api/v2/publishing/targets
auth="Authorization: Bearer $token"

# typed prints a command as a person would type it.
typed() {
	local a
	printf '$ curl -i'
	for a in "$@"; do
		case $a in
		*[\ {?]*) printf " '%s'" "$a" ;;
		*) printf ' %s' "$a" ;;
		esac
	done | sed -e "s#$url#http://localhost:8095#g" -e "s#Bearer $token#Bearer …#g"
	printf '\n'
}

# ask prints a command and its answer: the status line, the headers that matter, and the body.
ask() {
	typed "$@"
	curl -s -i "$@" | tr -d '\r' | awk '
		body { print; next }
		/^$/ { body = 1; print; next }
		NR == 1 || /^(Retry-After|Allow|Www-Authenticate|X-Request-Id):/ { print }
		END { print "" }'
}

# What a try may need first: that no refresh runs, nor is too soon; that the next one takes a while; that it has begun.
idle() { until curl -s "$api/status" | grep -Eq '"status":"(success|failed)"'; do :; done; }
rested() { idle; sleep 2; }
# unsettled touches the manifest three times, so that the next LIST waits for a quarter of a second; it gives up after half a second.
unsettled() {
	rested
	touch "$manifest"
	for _ in 1 2; do
		sleep 0.08
		touch "$manifest"
	done &
}
begun() {
	unsettled
	curl -s -o /dev/null -X POST -H "$auth" "$api/refresh"
}

# insist asks until the answer has that code, and whatever else the pattern says: on a busy machine that is a matter of luck.
insist() {
	local pattern=$1 first=$2 answer
	shift 2
	for _ in {1..20}; do
		$first
		answer=$(ask "$@")
		if [[ $answer == *"HTTP/1.1 "$pattern* ]]; then
			printf '%s\n\n' "$answer"
			idle
			return
		fi
	done
	echo "no answer was a $pattern: $answer" >&2
	return 1
}

rested
ask -X POST -H "$auth" -H 'X-Request-ID: deploy-42' "$api/refresh"
insist 429 idle -X POST -H "$auth" "$api/refresh"
rested
ask -X POST -H "$auth" "$api/refresh?wait=10s"
insist 503 begun -X POST -H "$auth" "$api/refresh"
insist '504*started_at' unsettled -X POST -H "$auth" "$api/refresh?wait=10ms"
ask -X POST "$api/refresh"
ask -X POST -H "$auth" "$api/refresh?wait=1h"
ask -X POST -H "$auth" -d '{"force":true}' "$api/refresh"
ask -X POST -H "$auth" -d "$(printf '%2000s' x)" "$api/refresh" | sed 's/ \{100,\}x/…2000 bytes…/'
ask -X DELETE "$api/status"
ask "$url/nowhere"
until curl -s "$api/status" | grep -q '"status":"success"'; do :; done
ask "$api/status"
ask -H "$auth" "$api?type=slack"
ask -H "$auth" "$api?type=email"
ask "$url/healthz"
ask "$url/readyz"
