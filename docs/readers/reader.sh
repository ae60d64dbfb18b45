#!/bin/sh
# Reads snapshots of refresh-sidecar with jq (1.6 or later), sed, iconv and sha256sum. README.md beside this file says what a reader has to do.
#
#   reader.sh --follow FILE    looks at a file again and again, and prints what is new
#   reader.sh FILE...          looks at these files as if each had taken the place of the one before it; -- begins anew
set -eu
export LC_ALL=C # sed and grep take bytes, not characters
limit=67108864 # bytes; no sidecar writes more
poll=2 # seconds

umask 077 # the copies hold credentials
held=$(mktemp -d)
trap 'rm -rf "$held"' EXIT
trap 'exit 1' INT TERM
copy=$held/copy accepted=$held/accepted

# checksum prints the checksum of the raw lines of the copy; targets that jq writes again are other bytes: 1.10 becomes 1.1.
checksum() {
	sum=$({ printf '['; sed -n '/^  "targets": \[$/,/^  \],$/s/^    //p' "$copy" | tr -d '\n'; printf ']'; } | sha256sum)
	printf 'sha256:%s' "${sum%% *}"
}

# judge prints why the file $1 must not be accepted, or "accept" and what is to be told of it. It leaves a copy, because the file can be
# replaced at any time.
judge() {
	[ -e "$1" ] || { echo missing; return; }
	[ -f "$1" ] || { echo not_regular; return; }
	head -c $((limit + 1)) "$1" 2>/dev/null >"$copy" || { echo io; return; }
	[ "$(wc -c <"$copy")" -le "$limit" ] || { echo too_large; return; }
	# jq passes over a byte order mark, takes bytes that are not UTF-8 for U+FFFD, and stops at a zero byte as if the file ended there.
	read -r first <"$copy" || :
	case $first in "$(printf '\357\273\277')"*) echo syntax; return ;; esac
	iconv -f UTF-8 -t UTF-8 "$copy" >/dev/null 2>&1 && tr -d '\000' <"$copy" | cmp -s - "$copy" || { echo syntax; return; }
	[ -e "$accepted" ] && last=$accepted || last=/dev/null
	grep -Eq '^  "targets": \[(\],)?$' "$copy" && layout=true || layout=false
	# With -s, jq reads to the end of the file: there must be one document. Some versions of jq take NaN for a number.
	jq -rs --arg sum "$(checksum)" --argjson layout "$layout" --slurpfile held "$last" '
		if length == 0 then "empty" elif length > 1 or any(.. | numbers; isnan) then "syntax" else .[0]
		| if (.schema_version | type != "number" or . != floor or . < 1) then "schema"
		elif .schema_version > 1 then "unsupported_version"
		elif $layout | not then "schema"
		elif .checksum != $sum then "checksum"
		elif (.epoch | type != "string") or (.generation | type != "number" or . < 1) or ([.targets[].name] | . != unique) then "schema"
		elif .epoch == $held[0].epoch and (.generation < $held[0].generation or
			.generation == $held[0].generation and .checksum != $held[0].checksum) then "rollback"
		else "accept \"generation\":\(.generation),\"targets\":\(.targets | length)" end end' "$copy" 2>/dev/null || echo syntax
}

# digest prints the digest by which the kit sees that the targets were read right.
digest() {
	jq -r '.targets[] | "\(.name) \(.type) \(.url) \(.format) \(.enabled)",
		(.headers | to_entries | sort_by(.key)[] | "\(.key): \(.value)")' "$accepted" | sha256sum
}

# look looks at the file $1 once, and prints what came of it.
look() {
	verdict=$(judge "$1")
	case $verdict in
	accept\ *)
		mv "$copy" "$accepted"
		digest=$(digest) served="${verdict#accept },\"digest\":\"${digest%% *}\""
		printf '{"outcome":"accept",%s}\n' "$served"
		;;
	*)
		if [ -e "$accepted" ]; then
			printf '{"outcome":"keep","reason":"%s",%s}\n' "$verdict" "$served"
		else
			printf '{"outcome":"refuse","reason":"%s"}\n' "$verdict"
		fi
		;;
	esac
}

if [ "${1-}" = --follow ]; then
	last=
	while :; do
		look "$2" >"$held/line"
		read -r line <"$held/line"
		[ "$line" = "$last" ] || printf '%s\n' "$line"
		last=$line
		sleep "$poll"
	done
fi
for path; do
	case $path in
	--) rm -f "$accepted" ;;
	*) look "$path" ;;
	esac
done
