#!/bin/sh
# Starts Headstart, or a room of it: sh start.sh [room]
cd "$(dirname "$0")/app" || exit 1
if [ "$1" = room ]; then shift; exec ../python/bin/python -m engines room "$@"; fi
exec ../python/bin/python -m streamlit run app.py --server.showEmailPrompt=false "$@"
