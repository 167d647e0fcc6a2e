#!/usr/bin/env bash
# Looks at every state of the HA protocol within the bounds, and at each mutant until it is refuted. README.md says what
# that means.
#
#   check.sh              the protocol and its mutants, in about two minutes on two cores
#   check.sh large        the protocol within larger bounds, in about half an hour
#   check.sh trail FLAGS  the shortest way to what is refuted, in words; for example: check.sh trail -DNO_SHORTEN
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jobs=${JOBS:-$(nproc)}
# How many megabytes one search may take. With two at a time it stays below 4 GB.
memory=${MEMORY:-2000}
compile=(gcc -O1 -w -DSAFETY -DNOREDUCE -DNOFAIR -DNOBOUNDCHECK -DSFH)

# What is searched: a title, what must come of it, and the flags. Without flags grants are 2 ticks and leases 3.
protocol=(
	'the protocol|holds|'
	'the units have different settings|holds|-DGP=1 -DLP=1 -DGS=2 -DLS=3'
	'answers to renewals take time|holds|-DGP=1 -DLP=2 -DSLOW'
	'two writes may happen late at a time|holds|-DGP=1 -DLP=2 -DLATE=2'
	'every state leads to a whole pair|holds|-DGP=1 -DLP=2 -DRECOVERY'
)
larger=(
	'longer leases|holds|-DGP=2 -DLP=4'
	'longer grants and leases|holds|-DGP=3 -DLP=4'
	'two writes may happen late at a time|holds|-DLATE=2'
	'answers to renewals take time|holds|-DSLOW'
	'every state leads to a whole pair|holds|-DRECOVERY'
	'the units have different settings|holds|-DGP=1 -DLP=2 -DGS=2 -DLS=3'
	'the same, the other way round|holds|-DGP=2 -DLP=3 -DGS=1 -DLS=2'
	'one grant is longer than the other lease|holds|-DGP=1 -DLP=2 -DGS=3 -DLS=4'
	'acknowledgements while a write is under way|holds|-DACK_UNDER_WAY'
)
mutants=(
	'HALF_GRANT|refuted|-DHALF_GRANT'
	'RELATIVE_TIMER|refuted|-DRELATIVE_TIMER'
	'NO_WAIT|refuted|-DNO_WAIT'
	'NO_CAS_VERSION|refuted|-DNO_CAS_VERSION'
	'NO_SHORTEN|refuted|-DNO_SHORTEN'
	'ACK_AFTER_CAS|refuted|-DACK_AFTER_CAS'
	'GRANT_BEFORE_CLOSE|refuted|-DGRANT_BEFORE_CLOSE'
	'LOST_ANSWER_TRUSTED|refuted|-DLOST_ANSWER_TRUSTED'
	'NO_DRIFT|refuted|-DNO_DRIFT'
	'NO_HEIR_WAIT|refuted|-DNO_HEIR_WAIT'
	'NO_TERM_CHECK|refuted|-DNO_TERM_CHECK'
	'NO_INCARNATION|refuted|-DNO_INCARNATION'
	'NEWEST_ALONE|refuted|-DNEWEST_ALONE'
	'STALE_WATCH|refuted|-DSTALE_WATCH'
	'FIRST_FROM_GRANT|refuted|-DFIRST_FROM_GRANT'
	'FIRST_NOTED_ANEW|refuted|-DFIRST_NOTED_ANEW'
	'FIRST_OF_OWN_DURATION|refuted|-DGP=1 -DLP=2 -DLS=4 -DFIRST_OF_OWN_DURATION'
	'FIRST_OF_THE_GIVERS_DURATION|refuted|-DGP=1 -DLP=1 -DGS=2 -DLS=3 -DFIRST_OF_THE_GIVERS_DURATION'
	'ASKS_FOR_ITS_OWN|refuted|-DGP=1 -DLP=1 -DGS=2 -DLS=3 -DASKS_FOR_ITS_OWN'
	'DURATION_HIDDEN|refuted|-DGP=1 -DLP=1 -DGS=2 -DLS=3 -DDURATION_HIDDEN'
	'WITNESS_FROM_ANSWER|refuted|-DGP=1 -DLP=2 -DSLOW -DWITNESS_FROM_ANSWER'
	'SULKS|refuted|-DGP=1 -DLP=2 -DRECOVERY -DSULKS'
)

work=$(mktemp -d)
# Each search is a process group of its own, so that it ends with this script, whatever ends that.
cleanup() {
	local pid
	for pid in $(jobs -pr); do kill -- "-$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
set -m

# build FLAGS...: the searcher of the model with the flags, as ./pan in a new directory.
build() {
	local directory
	directory=$(mktemp -d "$work/XXXXXX")
	cp "$here"/*.pml "$directory"
	cd "$directory"
	spin -a "$@" ha.pml >spin.out || { cat spin.out >&2; return 1; }
}

# search NUMBER TITLE EXPECTED FLAGS: one row of the table.
search() {
	local number=$1 title=$2 expected=$3 flags result states seconds TIMEFORMAT=%U
	read -ra flags <<<"$4"
	build "${flags[@]}"
	"${compile[@]}" -DMEMLIM="$memory" -o pan pan.c
	seconds=$({ time ./pan -m4000000 -w25 >pan.out 2>&1 || true; } 2>&1)
	if grep -q 'assertion violated' pan.out; then
		result=refuted
	elif grep -q 'errors: 0' pan.out && ! grep -qE 'depth too small|not completed|out of memory|reached -DMEMLIM' pan.out; then
		result=holds
	else
		result='not finished'
		cat pan.out >&2
	fi
	states=$(awk '/states, stored/ {print $1; exit}' pan.out)
	[ "$result" = "$expected" ] || result="$result, should be $expected"
	awk -v title="$title" -v states="${states:-0}" -v result="$result" -v seconds="$seconds" \
		'BEGIN {printf "%-44s %11d  %-9s %8.1f s\n", title, states, result, seconds}' >row
	mv row "$work/row.$number"
}

# check ROWS...: searches, as many at a time as there are cores, and prints a row each in their order.
check() {
	local number=0 printed=0 failed=0 row title expected flags
	printf '%-44s %11s  %-9s %10s\n' configuration states result processor
	for row in "$@"; do
		while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do wait -n || true; done
		IFS='|' read -r title expected flags <<<"$row"
		search "$number" "$title" "$expected" "$flags" &
		number=$((number + 1))
		print
	done
	while [ -n "$(jobs -pr)" ]; do
		wait -n || true
		print
	done
	[ "$printed" = "$number" ] || { echo "a search ended without a result" >&2; failed=1; }
	return "$failed"
}

# print: the rows that are there, up to the first that is not.
print() {
	while [ -e "$work/row.$printed" ]; do
		cat "$work/row.$printed"
		if grep -q 'should be' "$work/row.$printed"; then failed=1; fi
		printed=$((printed + 1))
	done
}

# trail FLAGS...: breadth first, so that what is found is the shortest.
trail() {
	build "$@"
	"${compile[@]}" -DBFS -DMEMLIM="${MEMORY:-12000}" -o pan pan.c
	./pan -w25 | grep -E 'assertion violated|errors:'
	if [ ! -e ha.pml.trail ]; then return 0; fi
	spin -t -T "$@" ha.pml | grep -E '^([01]:|somebody|The faults|phases)' | sed -E '
		s/^0:/primary:  /; s/^1:/secondary:/
		s/holder 0/the holder is the primary/; s/holder 1/the holder is the secondary/
		s/holder 2/the holder was a primary, dead since/; s/holder 3/the holder was a secondary, dead since/
		s/holder 4/the Lease was released/; s/holder 5/there never was a holder/
		s/, record 0/, solo/; s/, record 1/, paired/; s/, record 2/, paired with a dead standby/
		s/, record 3/, by a giver that was paired/; s/, record 4/, by a giver that was solo/; s/, record 5/, of a free Lease/'
}

case ${1:-} in
'') check "${mutants[@]}" "${protocol[@]}" ;;
large) MEMORY=${MEMORY:-12000} memory=${MEMORY:-12000} && check "${larger[@]}" ;;
trail) shift && trail "$@" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
