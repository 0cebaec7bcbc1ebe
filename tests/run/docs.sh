#!/usr/bin/env bash
# Builds the documentation site in the folder $1, with the antsibull-docs that is in PATH. docs/site holds its settings.
set -euo pipefail
site=$1
docs=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)
rm -rf "$site"
# antsibull-docs insists on a folder that is private to the user.
mkdir -p "$site"
mkdir -m 700 "$site/rst"
antsibull-docs --config-file "$docs/site/antsibull-docs.cfg" collection --use-current --squash-hierarchy \
    --fail-on-error --cleanup everything --dest-dir "$site/rst" backupops.veeam_em
cp -R "$docs/site/index.rst" "$docs/images" "$site/rst"
sphinx-build -M html "$site/rst" "$site/build" -c "$docs/site" -W --keep-going
grep -q 'toctree-l1.*>veeam_em_job</a>' "$site/build/html/index.html" || {
    echo "The sidebar must show the bare names of modules." >&2
    exit 1
}
echo "The site: $site/build/html/index.html"
