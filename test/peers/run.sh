#!/bin/sh
# Compares what is recorded here of other programs with what they give today, and lets them read what lcomp writes, in a Python
# environment of its own: minutes, and 2 GB for PyTorch. `run.sh DIR` keeps the environment in DIR. All scripts run; the last line says
# which have failed.
set -e
here=$(cd "$(dirname "$0")" && pwd)
place=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$place"' EXIT
[ -x "$place/bin/python" ] || python3 -m venv "$place"
"$place/bin/python" -m pip install --quiet -r "$here/requirements.txt"
export TQDM_DISABLE=1
failed=
for script in "$here"/*.py; do
  name=$(basename "$script")
  echo "$name"
  "$place/bin/python" "$script" --check || failed="$failed $name"
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
echo "all peers agree"
