#!/bin/sh
# Installs Headstart from this folder, with no network: sh install.sh [FOLDER]
here=$(dirname "$0")
for python in python3.11 python3 python; do
  if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
  then exec "$python" "$here/install.py" "$@"
  fi
done
echo "Python 3.11 is needed, and no other version; this machine has none that a terminal finds. README.txt says more." >&2
exit 2
