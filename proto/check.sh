#!/usr/bin/env bash
# Lints the .proto files and compares them with the released wire contract (proto/baseline.binpb), so that a change
# which would break an older node or coordinator is seen before it is made.
#
#   proto/check.sh            lint and compare
#   proto/check.sh --release  write the baseline anew, when a version is released
set -euo pipefail
cd "$(dirname "$0")"

buf=${BUF:-$(command -v buf || ../tests/real/install.sh --print buf)}
"$buf" lint proto
if [ "${1:-}" = --release ]; then
    "$buf" build proto -o baseline.binpb
    echo "baseline.binpb written"
else
    "$buf" breaking proto --against baseline.binpb
    echo "the wire contract holds"
fi
