#!/usr/bin/env bash
# The Python environment of a node: ~/env, with the versions of constraints.txt. Does nothing where it is there already.
# PYTHON=python3.12 chooses the interpreter, which must be the same on every node.
set -euo pipefail
cd "$(dirname "$0")/.."

# Commands that Ray and you send over SSH find the environment, and the cluster's token (~/.ray/auth_token) is asked for.
# First in the file, because Debian's and Ubuntu's own ends early in a shell that nobody types into.
line='export PATH=$HOME/env/bin:$PATH RAY_AUTH_MODE=token'
touch ~/.bashrc
grep -qxF "$line" ~/.bashrc || { printf '%s\n' "$line"; cat ~/.bashrc; } >~/.bashrc.new
[ ! -e ~/.bashrc.new ] || mv ~/.bashrc.new ~/.bashrc
chmod 600 ~/.ray/auth_token

wanted=$({ cat pyproject.toml constraints.txt; printf %s "${PYTHON:-}"; } | sha256sum)
if [ "$(cat ~/.branchsearch-environment 2>/dev/null)" = "$wanted" ]; then
  exit
fi
"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "branchsearch needs Python 3.11 or newer")'
clear=--clear # what another version of Python left, but for an environment that is somebody else's
if [ -L ~/env ]; then clear=; fi
"${PYTHON:-python3}" -m venv $clear ~/env
~/env/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cluster]'
printf '%s\n' "$wanted" >~/.branchsearch-environment
